"""The metrics for Prometheus and their endpoint."""
