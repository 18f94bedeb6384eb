"""SAQ: `Queue.enqueue`, gathered for many jobs, as in its own benchmark; plain functions run in threads."""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

import asyncio
from typing import Any

from saq import Queue

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, replace

TOGETHER = 100


async def noop(ctx: dict[str, Any], *, number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


async def wait(ctx: dict[str, Any], *, number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await tasks.wait(number)


def burn(ctx: dict[str, Any], *, number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


queue = Queue.from_url(redis_url())
settings = {"queue": queue, "functions": [noop, wait, burn], "concurrency": concurrency()}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        await queue.connect()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await queue.enqueue(job, number=number, data=data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        for at in range(0, len(numbers), TOGETHER):
            part = numbers[at : at + TOGETHER]
            await asyncio.gather(*[queue.enqueue(job, number=number, data=data) for number in part])

    async def stop(self) -> None:
        await queue.disconnect()


def work(processes: int) -> None:
    """Becomes the pool."""
    replace(in_environment("saq"), "benchmarks.peers.saq.settings", "--workers", str(processes))
