"""The lifecycle of a worker by arq's settings: its hooks, its health check, and arq's `Worker` class."""
