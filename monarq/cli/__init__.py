"""The command line: `monarq worker`, `enqueue`, `stats`, `redis`, `demo` and the others.

Each command has a folder; its `command.py` defines the options and calls the code that does the work. Heavy imports are
inside functions, so that `monarq --help` is quick. `command_line/` and `terminal/` hold what commands share.
"""

from monarq.cli.app import main

__all__ = ["main"]
