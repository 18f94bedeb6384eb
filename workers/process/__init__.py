"""One worker process: `python -m monarq.workers.process`, its target, its parts, their start and stop."""
