"""`monarq queues`."""
