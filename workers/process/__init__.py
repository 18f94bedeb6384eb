"""One worker process: its entry point, its target, its components, and their start and stop."""
