"""Cron in a worker: the entries, their state, and the scheduler that enqueues their ticks."""
