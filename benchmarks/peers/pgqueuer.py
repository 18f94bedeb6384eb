"""PgQueuer on PostgreSQL: `Queries.enqueue` with lists, and workers with batches of 1,000. It keeps no results.

The server runs with `synchronous_commit=off` and `fsync=off`, as the other peers' Redis writes nothing to disk either.
"""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import redis_url, run_each

TOGETHER = 1000


async def main() -> PgQueuer:
    """The queue and its jobs, as `pgq run` expects them."""
    connection = await asyncpg.connect(redis_url())
    queue = PgQueuer(AsyncpgDriver(connection))

    @queue.entrypoint("noop")
    async def noop(job: Job) -> None:
        tasks.noop(*_arguments(job))

    @queue.entrypoint("wait")
    async def wait(job: Job) -> None:
        await tasks.wait(*_arguments(job))

    @queue.entrypoint("burn")
    async def burn(job: Job) -> None:
        await asyncio.to_thread(tasks.burn, *_arguments(job))

    return queue


def _arguments(job: Job) -> Any:
    return json.loads(job.payload or b"[]")


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        self._connection = await asyncpg.connect(redis_url())
        self._queries = Queries(AsyncpgDriver(self._connection))
        # Each case begins with empty tables; the workers start after this.
        if await self._connection.fetchval("SELECT to_regclass('pgqueuer')"):
            await self._queries.uninstall()
        await self._queries.install()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await self._queries.enqueue(job, json.dumps([number, data]).encode())

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        for at in range(0, len(numbers), TOGETHER):
            part = numbers[at : at + TOGETHER]
            payloads: list[bytes | None] = [json.dumps([number, data]).encode() for number in part]
            await self._queries.enqueue([job] * len(part), payloads, [0] * len(part))

    async def stop(self) -> None:
        await self._connection.close()


def work(processes: int) -> None:
    """Runs the pool; not with `pgq run`, which fails to start with 1.6.0 ('str' object has no attribute 'name')."""
    run_each(processes, sys.executable, "-m", "benchmarks.peers.pgqueuer")


async def run() -> None:
    """What `pgq run --batch-size 1000` does."""
    queue = await main()
    await queue.run(batch_size=1000)


if __name__ == "__main__":
    uvloop.run(run())
