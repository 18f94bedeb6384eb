"""The events of a worker: their listeners, their dispatcher, and Redis outages reported as events."""
