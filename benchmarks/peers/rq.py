"""RQ: `enqueue_many`, and `worker-pool` with `SimpleWorker`, which does not fork for each job. One job at a time."""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

from redis import Redis
from rq import Queue

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import in_environment, redis_url, replace

TOGETHER = 1000
JOBS = {"noop": tasks.noop, "wait": tasks.wait_blocking, "burn": tasks.burn}


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        self._queue = Queue(connection=Redis.from_url(redis_url()))

    async def enqueue(self, job: str, number: int, data: str) -> None:
        self._queue.enqueue(JOBS[job], number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        for at in range(0, len(numbers), TOGETHER):
            part = numbers[at : at + TOGETHER]
            self._queue.enqueue_many([Queue.prepare_data(JOBS[job], (number, data)) for number in part])

    async def stop(self) -> None:
        self._queue.connection.close()


def work(processes: int) -> None:
    """Becomes the pool."""
    options = ["-n", str(processes), "-w", "rq.worker.SimpleWorker", "-u", redis_url(), "-q"]
    replace(in_environment("rq"), "worker-pool", "default", *options)
