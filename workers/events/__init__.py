"""The events of a worker: their listener, their dispatcher, and outages of Redis reported as events."""
