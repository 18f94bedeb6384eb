"""A worker's session with native queues: its incarnations, claims and ends, wake-ups, and the recovery of other workers."""
