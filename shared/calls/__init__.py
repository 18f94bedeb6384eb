"""How a job is called: its signature, its type hints, its arguments and its context."""
