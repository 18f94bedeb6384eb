"""Dramatiq on Redis, with results. 8 threads per process, its default; for io jobs as many threads as required."""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, replace

THREADS = 8
THREADS_FROM = 1000

broker: Any = RedisBroker(url=redis_url())
broker.add_middleware(Results(backend=RedisBackend(url=redis_url())))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


@dramatiq.actor(store_results=True)
def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.wait_blocking(number)


@dramatiq.actor(store_results=True)
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


JOBS: dict[str, Any] = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        broker.client.ping()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        JOBS[job].send(number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        for number in numbers:
            JOBS[job].send(number, data)

    async def stop(self) -> None:
        broker.close()


def work(processes: int) -> None:
    """Becomes the pool."""
    threads = concurrency() if concurrency() >= THREADS_FROM else THREADS
    options = ["-p", str(processes), "-t", str(threads)]
    replace(in_environment("dramatiq"), "benchmarks.peers.dramatiq", *options)
