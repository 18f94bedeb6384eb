"""monarq: `Producer.enqueue_many`, and `monarq worker`. Defaults except the concurrency.

The environment variable `FORMAT` sets the format of its queues, by default native; `benchmarks.peers.monarq_arq` sets
it.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import FORMAT, concurrency, in_environment, redis_url, replace
from monarq import Producer, Queue, job


@job
async def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


@job
async def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await tasks.wait(number)


@job
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


IS_ARQ = os.environ.get(FORMAT) == "arq"
DEFAULT = Queue("arq:queue", format="arq") if IS_ARQ else Queue("default")
QUEUES = [
    Queue(f"bench:{number}", format=DEFAULT.format) for number in range(int(os.environ.get("MONARQ_BENCH_QUEUES", "0")))
]
"""Queues among which jobs are distributed instead of the default one, for `benchmarks.scale`."""

JOBS: dict[str, Any] = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        self._producer = Producer(redis_url(), queue=DEFAULT)

    async def enqueue(self, job: str, number: int, data: str) -> None:
        declared = JOBS[job].options(queue=QUEUES[number % len(QUEUES)]) if QUEUES else JOBS[job]
        await self._producer.enqueue(declared, number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        if not QUEUES:
            await self._producer.enqueue_many(JOBS[job], [(number, data) for number in numbers])
        for at, queue in enumerate(QUEUES):
            dealt = numbers[at :: len(QUEUES)]
            await self._producer.enqueue_many(JOBS[job].options(queue=queue), [(number, data) for number in dealt])

    async def stop(self) -> None:
        await self._producer.close()


def work(processes: int) -> None:
    """Becomes the pool."""
    options = ["-w", str(processes), "-c", str(concurrency()), "--redis", redis_url()]
    options += [part for queue in QUEUES or [DEFAULT] for part in ("--arq-queue" if IS_ARQ else "-q", queue.name)]
    replace(in_environment("monarq"), "worker", "benchmarks.peers.monarq", *options)
