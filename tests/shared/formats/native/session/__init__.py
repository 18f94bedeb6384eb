"""A worker's session with native queues."""
