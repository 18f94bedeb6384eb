"""Celery on Redis: prefork, with the prefetching that its optimization guide advises for short tasks.

A "worker process" is one child of its pool. io jobs use a thread pool, which needs no further package.
"""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

from typing import Any

from celery import Celery

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, replace

THREADS_FROM = 1000

app: Any = Celery("benchmarks", broker=redis_url(), backend=redis_url())
app.conf.update(worker_prefetch_multiplier=128, worker_send_task_events=False, task_send_sent_event=False)


@app.task(name="noop")
def noop(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


@app.task(name="wait")
def wait(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.wait_blocking(number)


@app.task(name="burn")
def burn(number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.burn(number)


JOBS: dict[str, Any] = {"noop": noop, "wait": wait, "burn": burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        app.connection_for_write().ensure_connection()

    async def enqueue(self, job: str, number: int, data: str) -> None:
        JOBS[job].apply_async((number, data))

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        with app.producer_pool.acquire(block=True) as producer:
            for number in numbers:
                JOBS[job].apply_async((number, data), producer=producer)

    async def stop(self) -> None:
        app.close()


def work(processes: int) -> None:
    """Becomes the pool."""
    threads = concurrency() >= THREADS_FROM
    pool = ["-P", "threads", "-c", str(concurrency())] if threads else ["-P", "prefork", "-c", str(processes)]
    quiet = ["-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    replace(in_environment("celery"), "-A", "benchmarks.peers.celery", "worker", *pool, *quiet)
