"""Waits for what jobs return and tells how far they are."""
