"""How queues and their workers stand: what `monarq stats` and the metrics show.

Reads only. The cost of a read grows with the workers of a queue, never with its length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.shared import keys as names
from monarq.shared.commands.counts import Counts, counts
from monarq.shared.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.scripts import text

MOST_QUEUES: Final = 1000
"""The most queues that `known_queues` gives."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """A worker that serves a queue, as its own record tells; a field that the record has not got is '' or 0.

    Attributes:
        id: its name in Redis.
        host: the machine.
        pid: its process there.
        version: of monarq.
        concurrency: how many io jobs it runs at once.
        running: how many jobs it runs now, of all its queues.
        uptime_s: seconds since it started.
        done: runs that ended well since then.
        failed: runs that failed for good since then.
        retried: runs that are tried again, since then.
        draining: whether it only ends what it runs.
        alive: whether it has told so in time; False where it was killed or cannot reach Redis.
        queues: the queues that it serves.
    """

    id: str
    host: str = ""
    pid: int = 0
    version: str = ""
    concurrency: int = 0
    running: int = 0
    uptime_s: float = 0.0
    done: int = 0
    failed: int = 0
    retried: int = 0
    draining: bool = False
    alive: bool = True
    queues: tuple[str, ...] = ()


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
        crashed: counter of runs whose worker died.
        jobs_per_s: jobs that ended, a second, over the last five whole seconds.
        oldest_s: seconds since which the oldest ready job is due; None where none is ready.
        health_check: what an arq worker, or monarq with arq's settings, last wrote of itself; None where nothing.
        workers: the workers, by host and process id.
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
    crashed: int
    jobs_per_s: float
    oldest_s: float | None
    health_check: str | None
    workers: tuple[WorkerStats, ...]


class _Record(msgspec.Struct):
    """A worker's record, of this version or another: fields may be missing, and unknown ones are passed over."""

    host: str = ""
    pid: int = 0
    version: str = ""
    concurrency: int = 0
    running: int = 0
    started_ms: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    draining: bool = False
    queues: tuple[str, ...] = ()


_RECORD: Final = msgspec.json.Decoder(_Record, strict=False)


async def known_queues(redis: Redis) -> list[str]:
    """The default queue of arq, and every queue that a monarq worker has served in the last week, by name.

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
    now = await counts(redis, keys)
    health_check = await redis.get(keys.queue + names.HEALTH_CHECK_SUFFIX)
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
        crashed=total("crashed", 0),
        jobs_per_s=now.jobs_per_s,
        oldest_s=now.oldest_s,
        health_check=None if health_check is None else text(health_check),
        workers=await _read_workers(redis, keys, now),
    )


async def _read_workers(redis: Redis, keys: QueueKeys, now: Counts) -> tuple[WorkerStats, ...]:
    """The workers that are listed and have a record; one without a record has been gone for some leases."""
    if not now.workers:
        return ()
    records = await redis.mget([keys.worker(worker_id) for worker_id in now.workers])
    stale_at_ms = await redis.zmscore(keys.workers, now.workers)
    found = [
        _worker(worker_id, record, now.now_ms, alive=stale_ms is not None and stale_ms >= now.now_ms)
        for worker_id, record, stale_ms in zip(now.workers, records, stale_at_ms, strict=True)
        if record is not None
    ]
    return tuple(sorted(found, key=lambda worker: (worker.host, worker.pid, worker.id)))


def _worker(worker_id: str, data: bytes, now_ms: int, *, alive: bool) -> WorkerStats:
    try:
        record = _RECORD.decode(data)
    except msgspec.DecodeError:
        # Some other version's, or somebody else's: that there is a worker is known all the same.
        return WorkerStats(worker_id, host=worker_id, alive=alive)
    return WorkerStats(
        id=worker_id,
        host=record.host,
        pid=record.pid,
        version=record.version,
        concurrency=record.concurrency,
        running=record.running,
        uptime_s=max(0.0, (now_ms - record.started_ms) / 1000) if record.started_ms else 0.0,
        done=record.done,
        failed=record.failed,
        retried=record.retried,
        draining=record.draining,
        alive=alive,
        queues=record.queues,
    )
