"""Faults of jobs: malformed, deadly to their workers, blocking, deaf to their cancelling."""
