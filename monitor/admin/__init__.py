"""Administration of queues and jobs: pause, resume, purge, cancel and retry, and a rate limiter for bulk changes."""
