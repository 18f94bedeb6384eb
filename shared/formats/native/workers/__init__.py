"""Commands about workers: leases, recovery, records, job names."""
