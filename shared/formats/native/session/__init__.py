"""A worker's session with native queues: incarnations, claims and ends, wake-ups, the recovery of other workers."""
