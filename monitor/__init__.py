"""A monitor of queues and workers: reads what producers and workers leave in Redis, and administrates; runs no job."""
