"""Commands about workers: leases, job names, wake-ups, and recovery of a dead worker's jobs."""
