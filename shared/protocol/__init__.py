"""The interfaces of queues for producers, workers and monitors, independent of the format, and their values."""
