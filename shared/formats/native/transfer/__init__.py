"""What `queues move` does at a queue: takes its jobs, or puts jobs into it."""
