"""Shows how queues and workers stand. It reads what producers and workers leave in Redis, and runs no job."""
