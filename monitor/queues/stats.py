"""How queues and their workers stand: what `monarq stats` and the metrics show.

Reads only. The cost of a read grows with the workers of a queue, never with its length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.queues.workers import WorkerStats, read_listed
from monarq.shared.commands.queues.counts import read_counts
from monarq.shared.redis import keys as names
from monarq.shared.redis.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.redis.scripts import text

__all__ = ["QueueStats", "WorkerStats", "known_queues", "read_stats"]

MOST_QUEUES: Final = 1000
"""The most queues that `known_queues` gives."""


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue at one moment. The counters count since the first job, and start again 30 days after the last.

    Attributes:
        queue: its name.
        queued: jobs that are due and wait. Those that stock arq workers run are among them.
        deferred: jobs that are not due yet.
        running: jobs that monarq workers hold.
        dead: dead letters.
        enqueued: counter of jobs that monarq's producers put in.
        done: counter of jobs that ended well.
        failed: counter of jobs that failed for good.
        retried: counter of runs that led to another try.
        aborted: counter of jobs that ended because somebody wanted that.
        handed_back: counter of runs that workers gave back at no cost, as they stopped or did not know the job.
        crashed: counter of runs whose worker died.
        lost: counter of runs whose lease was lost to another worker.
        jobs_per_s: jobs that ended, a second, over the last five whole seconds.
        oldest_s: seconds since which the oldest ready job is due; None where none is ready.
        health_check: what an arq worker, or monarq with arq's settings, last wrote of itself; None where nothing.
        workers: the workers, by host and process id.
        paused: whether monarq's workers are given none of its jobs.
        queued_cpu: those of the due jobs that are known to wait for a cpu lane.
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
    """The default queue of arq, and every queue that a monarq worker has served, or a producer put a job into, by name.

    Those are left out that nobody has used for a week and that are empty, and of more than 1,000 the longest unused.

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
    health_check, queued_cpu = await _read_beside(redis, keys, now.now_ms)
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


async def _read_beside(redis: Redis, keys: QueueKeys, now_ms: int) -> tuple[bytes | None, int]:
    """What arq's workers tell, and how many due jobs wait in the cpu set: what runs has the end of its lease there."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.get(keys.queue + names.HEALTH_CHECK_SUFFIX)
        pipe.zcount(keys.cpu, "-inf", now_ms)
        health_check, queued_cpu = await pipe.execute()
    return health_check, queued_cpu
