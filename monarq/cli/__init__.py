"""The command line: `monarq worker`, `enqueue`, `stats`, `redis`, `demo`.

One file a command, which holds its options and calls what does the work. Heavy imports are inside the functions, so
that `monarq --help` is there at once.
"""

from monarq.cli.app import main

__all__ = ["main"]
