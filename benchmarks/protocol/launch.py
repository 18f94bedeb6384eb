"""The workers' side of the protocol: it becomes the peer's pool.

`python -m benchmarks.protocol.launch PEER PROCESSES CONCURRENCY` is run in the peer's environment. Each peer's
`work` ends in `replace`, where its own command line starts as many processes as are asked for, or in `run_each`, where
it starts only one.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, NoReturn

URL: Final = "MONARQ_BENCH_URL"
"""The environment variable that holds the Redis' URL."""

CONCURRENCY: Final = "MONARQ_BENCH_CONCURRENCY"
"""The environment variable that has the number of jobs that workers run at once."""


FORMAT: Final = "MONARQ_BENCH_FORMAT"
"""The environment variable that has the format of monarq's queues."""


def redis_url() -> str:
    """The Redis of this run."""
    return os.environ[URL]


def concurrency() -> int:
    """How many jobs each worker process must run at once, where it can."""
    return int(os.environ.get(CONCURRENCY, "100"))


def in_environment(command: str) -> str:
    """A command of this Python's environment."""
    return str(Path(sys.executable).parent / command)


def replace(*command: str) -> NoReturn:
    """Becomes this command."""
    os.execv(command[0], command)


def run_each(processes: int, *command: str) -> None:
    """Starts the command so many times, and passes SIGTERM on."""
    running = [subprocess.Popen(command) for _ in range(processes)]

    def pass_on(*_: object) -> None:
        for process in running:
            process.terminate()

    signal.signal(signal.SIGTERM, pass_on)
    for process in running:
        process.wait()


def main() -> None:
    """Becomes the pool of the peer that the command line names."""
    peer, processes, at_once = sys.argv[1:]
    os.environ[CONCURRENCY] = at_once
    importlib.import_module(f"benchmarks.peers.{peer}").work(int(processes))


if __name__ == "__main__":
    main()
