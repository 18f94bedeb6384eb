"""Faults of Redis and of the connections to it: cut, silent, down, full, read-only, failed over."""
