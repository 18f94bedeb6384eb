"""The stats of queues: jobs by state, counters, workers; for `monarq stats`, the page and metrics.

The cost of a read grows with the workers of a queue, never with its length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from redis.asyncio import Redis

from monarq.monitor.queues.workers import WorkerStats, read_by_queue
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.queue_ref import Format, QueueRef

__all__ = ["QueueStats", "WorkerStats", "read_stats"]


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue at one moment. The counters count since the first job, and restart 30 days after the last.

    Attributes:
        queue: its name.
        format: its format.
        queued: jobs that are due and wait, and those that stock arq workers run.
        deferred: jobs that are not yet due.
        running: jobs that monarq workers hold.
        dead: dead letters.
        enqueued: counter of jobs that monarq's producers enqueued.
        done: counter of jobs that succeeded.
        failed: counter of jobs that failed for good.
        retried: counter of runs that led to another try.
        cancelled: counter of jobs that were cancelled on request.
        handed_back: counter of runs that workers handed back without counting a try.
        crashed: counter of runs whose worker died.
        lost: counter of runs whose lease was lost to another worker.
        jobs_per_s: jobs that ended per second, over the last five whole seconds.
        oldest_s: for how many seconds the oldest queued job has been due; None if none is queued.
        health_check: the last health check of an arq worker, or of monarq with arq's settings; None if there is none.
        workers: the workers, by host and process id.
        paused: whether the queue is paused for monarq's workers.
        queued_cpu: how many of the due jobs wait for a cpu lane.
    """

    queue: str
    format: Format
    queued: int
    deferred: int
    running: int
    dead: int
    enqueued: int
    succeeded: int
    failed: int
    retried: int
    cancelled: int
    handed_back: int
    crashed: int
    lost: int
    jobs_per_s: float
    oldest_s: float | None
    health_check: str | None
    workers: tuple[WorkerStats, ...]
    paused: bool = False
    queued_cpu: int = 0

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        return QueueRef(self.queue, self.format)


async def read_stats(redis: Redis, queues: Iterable[QueueRef]) -> list[QueueStats]:
    """The stats of these queues, in their order; the numbers of one queue are from one moment.

    Raises:
        RedisError: Redis did not answer.
    """
    refs = list(queues)
    workers = await read_by_queue(redis, refs)
    return [await _read_queue(redis, queue, workers[queue]) for queue in refs]


async def _read_queue(redis: Redis, queue: QueueRef, workers: Iterable[WorkerStats]) -> QueueStats:
    now = await monitor_queue(queue).read_counts(redis)
    total = now.totals.get
    return QueueStats(
        queue=queue.name,
        format=queue.format,
        queued=now.queued,
        deferred=now.deferred,
        running=now.running,
        dead=now.dead,
        enqueued=total("enqueued", 0),
        succeeded=total("succeeded", 0),
        failed=total("failed", 0),
        retried=total("retried", 0),
        cancelled=total("cancelled", 0),
        handed_back=total("handed_back", 0),
        crashed=total("crashed", 0),
        lost=total("lost", 0),
        jobs_per_s=now.jobs_per_s,
        oldest_s=now.oldest_s,
        health_check=now.health_check,
        workers=tuple(workers),
        paused=now.paused,
        queued_cpu=now.queued_cpu,
    )
