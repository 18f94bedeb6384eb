"""Faults of Redis and of its connections: cut, silent, down, full, read-only, failed over."""
