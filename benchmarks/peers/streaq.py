"""streaQ: `Worker.enqueue_many`, a thousand per call; plain functions run in threads."""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

from typing import Any

from streaq import Worker

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, replace

TOGETHER = 1000

worker: Any = Worker(redis_url=redis_url(), concurrency=concurrency(), anyio_kwargs={"use_uvloop": True})


@worker.task
async def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


@worker.task
async def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await tasks.wait(number)


@worker.task
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


JOBS = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        await worker.__aenter__()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await JOBS[job].enqueue(number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        enqueue = JOBS[job].enqueue
        for at in range(0, len(numbers), TOGETHER):
            await worker.enqueue_many([enqueue(number, data) for number in numbers[at : at + TOGETHER]])

    async def stop(self) -> None:
        await worker.__aexit__(None, None, None)


def work(processes: int) -> None:
    """Becomes the pool."""
    replace(in_environment("streaq"), "run", "benchmarks.peers.streaq:worker", "--workers", str(processes))
