"""Huey on Redis: `-k process`, with results, even None.

For io jobs 100 threads: with 1,000, jobs stay in its queue.
"""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

from typing import Any

from huey import RedisHuey

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, replace

THREADS = 100
THREADS_FROM = 1000

huey: Any = RedisHuey("bench", url=redis_url(), store_none=True)


@huey.task()
def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


@huey.task()
def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.wait_blocking(number)


@huey.task()
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


JOBS: dict[str, Any] = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        huey.storage.conn.ping()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        JOBS[job](number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        for number in numbers:
            JOBS[job](number, data)

    async def stop(self) -> None:
        huey.storage.conn.close()


def work(processes: int) -> None:
    """Becomes the pool."""
    threads = concurrency() >= THREADS_FROM
    kind = ["-k", "thread", "-w", str(THREADS)] if threads else ["-k", "process", "-w", str(processes)]
    options = ["-n", "-q", "-g", "TERM"]
    replace(in_environment("huey_consumer"), "benchmarks.peers.huey.huey", *kind, *options)
