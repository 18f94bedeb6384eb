"""The command line: `monarq worker`, `enqueue`, `stats`, `redis`, `demo` and the others.

A folder for each command: `command.py` holds its options and calls what does the work. Heavy imports are inside the
functions, so that `monarq --help` is quick. Commands share what is in `command_line/` and `terminal/`.
"""

from monarq.cli.app import main

__all__ = ["main"]
