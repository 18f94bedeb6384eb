"""One worker process: its main, its target, its components, and their start and stop."""
