"""The workers' side of the protocol: this process becomes the peer's pool.

`python -m benchmarks.protocol.launch PEER PROCESSES CONCURRENCY` runs in the peer's environment. Each peer's `work`
ends with `replace`, if its own command line can start several processes, or with `run_each`, if it starts only one.
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
"""The environment variable with the URL of Redis."""

CONCURRENCY: Final = "MONARQ_BENCH_CONCURRENCY"
"""The environment variable with the number of jobs that a worker runs at once."""


FORMAT: Final = "MONARQ_BENCH_FORMAT"
"""The environment variable with the format of monarq's queues."""


def redis_url() -> str:
    """The URL of this run's Redis."""
    return os.environ[URL]


def concurrency() -> int:
    """How many jobs each worker process must run at once, if it can."""
    return int(os.environ.get(CONCURRENCY, "100"))


def in_environment(command: str) -> str:
    """The path of a command in this Python's environment."""
    return str(Path(sys.executable).parent / command)


def replace(*command: str) -> NoReturn:
    """Replaces this process by the command."""
    os.execv(command[0], command)


def run_each(processes: int, *command: str) -> None:
    """Starts the command several times, and forwards SIGTERM."""
    running = [subprocess.Popen(command) for _ in range(processes)]

    def pass_on(*_: object) -> None:
        for process in running:
            process.terminate()

    signal.signal(signal.SIGTERM, pass_on)
    for process in running:
        process.wait()


def main() -> None:
    """Becomes the pool of the peer on the command line."""
    peer, processes, at_once = sys.argv[1:]
    os.environ[CONCURRENCY] = at_once
    importlib.import_module(f"benchmarks.peers.{peer}").work(int(processes))


if __name__ == "__main__":
    main()
