"""A queue in arq's format as the source or target of `queues move`."""
