"""Numbers, times and values as text for people."""
