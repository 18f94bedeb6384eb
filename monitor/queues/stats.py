"""The stats of queues: how many jobs are in which state, counters, workers; for `monarq stats`, page and metrics.

The cost of a read grows with the workers of a queue, never with its length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.queues.workers import WorkerStats, read_listed
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.shared.redis.replies import text

__all__ = ["QueueStats", "WorkerStats", "known_queues", "read_stats"]

MOST_QUEUES: Final = 1000
"""The most queues that `known_queues` returns."""


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue at one moment. The counters count since the first job, and start again 30 days after the last.

    Attributes:
        queue: its name.
        queued: jobs that are due and wait, and those that stock arq workers run.
        deferred: jobs that are not due yet.
        running: jobs that monarq workers hold.
        dead: dead letters.
        enqueued: counter of jobs that monarq's producers enqueued.
        done: counter of jobs that succeeded.
        failed: counter of jobs that failed for good.
        retried: counter of runs that led to another try.
        aborted: counter of jobs that were aborted on request.
        handed_back: counter of runs that workers handed back at no cost, as they stopped or did not know the job.
        crashed: counter of runs whose worker died.
        lost: counter of runs whose lease was lost to another worker.
        jobs_per_s: jobs that ended, a second, over the last five whole seconds.
        oldest_s: for how many seconds the oldest ready job has been due; None where none is ready.
        health_check: the last health check of an arq worker, or of monarq with arq's settings; None without one.
        workers: the workers, by host and process id.
        paused: whether the queue is paused for monarq's workers.
        queued_cpu: how many of the due jobs wait for a cpu lane.
    """

    queue: str
    queued: int
    deferred: int
    running: int
    dead: int
    enqueued: int
    done: int
    failed: int
    retried: int
    aborted: int
    handed_back: int
    crashed: int
    lost: int
    jobs_per_s: float
    oldest_s: float | None
    health_check: str | None
    workers: tuple[WorkerStats, ...]
    paused: bool = False
    queued_cpu: int = 0


async def known_queues(redis: Redis) -> list[str]:
    """Arq's default queue, and every queue that a monarq worker has served or a producer has put a job into, by name.

    Queues that are empty and that nobody has used for a week are left out, and of more than 1,000 the longest unused.

    Raises:
        RedisError: Redis did not answer.
    """
    served = await redis.zrange(names.QUEUES, 0, MOST_QUEUES - 1, desc=True)
    return sorted({DEFAULT_QUEUE, *map(text, served)}, key=lambda queue: (queue != DEFAULT_QUEUE, queue))


async def read_stats(redis: Redis, queues: Iterable[str]) -> list[QueueStats]:
    """The numbers of these queues, in their order; the numbers of one queue are of one moment.

    Raises:
        RedisError: Redis did not answer.
    """
    return [await _read_queue(redis, QueueKeys.of(queue)) for queue in queues]


async def _read_queue(redis: Redis, keys: QueueKeys) -> QueueStats:
    now = await read_counts(redis, keys)
    health_check, queued_cpu = await _read_extras(redis, keys, now.now_ms)
    total = now.totals.get
    return QueueStats(
        queue=keys.queue,
        queued=now.queued,
        deferred=now.deferred,
        running=now.running,
        dead=now.dead,
        enqueued=total("enqueued", 0),
        done=total("done", 0),
        failed=total("failed", 0),
        retried=total("retried", 0),
        aborted=total("aborted", 0),
        handed_back=total("handed_back", 0),
        crashed=total("crashed", 0),
        lost=total("lost", 0),
        jobs_per_s=now.jobs_per_s,
        oldest_s=now.oldest_s,
        health_check=None if health_check is None else text(health_check),
        workers=tuple(await read_listed(redis, keys, now.workers, now.now_ms)),
        paused=now.paused,
        queued_cpu=queued_cpu,
    )


async def _read_extras(redis: Redis, keys: QueueKeys, now_ms: int) -> tuple[bytes | None, int]:
    """Arq's health check, and how many due jobs wait for a cpu lane: running ones have the end of their lease there."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.get(keys.queue + names.HEALTH_CHECK_SUFFIX)
        pipe.zcount(keys.cpu, "-inf", now_ms)
        health_check, queued_cpu = await pipe.execute()
    return health_check, queued_cpu
