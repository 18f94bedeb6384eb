"""Queues and workers in numbers: counts, rates over time, workers and their lanes, crons."""
