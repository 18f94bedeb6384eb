"""Commands on queues: counts, pages of jobs, pause, purge."""
