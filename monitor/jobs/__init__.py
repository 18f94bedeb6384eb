"""Reads jobs: lists, one job in full, dead letters, the timeline."""
