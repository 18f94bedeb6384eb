"""taskiq with taskiq-redis: streams, a result backend and orjson; many jobs are enqueued with gathered `kiq` calls.

Plain functions run in threads, by default. One worker process runs up to 100 async jobs at once.
"""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

import asyncio
from typing import Any

from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, replace

TOGETHER = 100

results: RedisAsyncResultBackend[Any] = RedisAsyncResultBackend(redis_url(), result_ex_time=3600)
broker = RedisStreamBroker(redis_url()).with_result_backend(results).with_serializer(ORJSONSerializer())


@broker.task
async def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


@broker.task
async def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await tasks.wait(number)


@broker.task
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


JOBS: dict[str, Any] = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        await broker.startup()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await JOBS[job].kiq(number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        for at in range(0, len(numbers), TOGETHER):
            part = numbers[at : at + TOGETHER]
            await asyncio.gather(*[JOBS[job].kiq(number, data) for number in part])

    async def stop(self) -> None:
        await broker.shutdown()


def work(processes: int) -> None:
    """Becomes the pool."""
    options = ["--workers", str(processes), "--max-async-tasks", str(concurrency())]
    replace(in_environment("taskiq"), "worker", "benchmarks.peers.taskiq:broker", *options)
