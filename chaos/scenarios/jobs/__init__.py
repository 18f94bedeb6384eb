"""Faults of jobs: they are malformed, kill their workers, block, or ignore cancellation."""
