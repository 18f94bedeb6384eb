"""Leases: which jobs the worker holds, their renewal and expiry, and the recovery of jobs of lost workers."""
