"""Leases: the jobs that the worker holds, their renewal and expiry, and the recovery of lost workers' jobs."""
