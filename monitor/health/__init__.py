"""Judges: is a queue well, and if not, why."""
