"""The configuration of a worker: its settings, the spec that the supervisor sends it, and imports by dotted path."""
