"""Monitoring and administration: reads what producers and workers leave in Redis, and runs no job."""
