"""Changes queues and jobs: pause, purge, cancel, retry."""
