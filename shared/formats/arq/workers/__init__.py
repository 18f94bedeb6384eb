"""Commands about workers: leases, job names, wake-ups, and recovery of what a dead worker held."""
