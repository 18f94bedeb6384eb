"""Faults that are no signal: connections that break, clocks that are wrong, jobs that are malformed."""
