"""Cron in a worker: the entries, their state, and the keeper that enqueues their ticks."""
