"""The lifecycle of a worker with arq's settings: its hooks, its health check, and arq's `Worker` class."""
