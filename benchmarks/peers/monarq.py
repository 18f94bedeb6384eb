"""monarq: `Producer.enqueue_many` in, `monarq worker` out. Everything at its defaults, but for the concurrency."""

from __future__ import annotations

from typing import Any

from benchmarks import tasks
from benchmarks.launch import concurrency, in_environment, redis_url, replace
from monarq import Producer, job


@job
async def noop(number: int, data: str = "") -> None:
    """See `benchmarks.tasks`."""
    tasks.noop(number)


@job
async def wait(number: int, data: str = "") -> None:
    """See `benchmarks.tasks`."""
    await tasks.wait(number)


@job
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.tasks`."""
    tasks.burn(number)


JOBS: dict[str, Any] = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.feeding.Feeder`."""

    async def start(self) -> None:
        self._producer = Producer(redis_url())

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await self._producer.enqueue(JOBS[job], number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        await self._producer.enqueue_many(JOBS[job], [(number, data) for number in numbers])

    async def stop(self) -> None:
        await self._producer.close()


def work(processes: int) -> None:
    """Becomes the pool."""
    options = ["-w", str(processes), "-c", str(concurrency()), "--redis", redis_url()]
    replace(in_environment("monarq"), "worker", "benchmarks.peers.monarq", *options)
