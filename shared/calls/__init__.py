"""How a job is called: its signature, its annotations, its context."""
