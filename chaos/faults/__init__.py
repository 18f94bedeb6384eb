"""Faults other than signals: broken connections, wrong clocks, malformed jobs."""
