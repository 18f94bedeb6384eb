"""A worker's session with native queues: incarnations, claims, acknowledgements, wake-ups, and recovery of workers."""
