"""Reads queues and workers: states, counts, rates, crons."""
