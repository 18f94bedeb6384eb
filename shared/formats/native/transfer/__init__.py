"""A native queue as the source or target of `queues move`."""
