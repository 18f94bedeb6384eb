"""A worker by arq's settings from its start to its end: hooks, health check, and arq's own `Worker`."""
