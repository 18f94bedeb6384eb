"""Commands on queues: counts, pages of jobs, waiting times, pause, purge."""
