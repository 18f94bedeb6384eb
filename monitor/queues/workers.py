"""The workers of queues, read from the records that they write.

`monarq workers`, `monarq stats`, the metrics and the page read them here. The cost grows with the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.choice.monitors import read_workers as read_records
from monarq.shared.protocol.monitor_records import WorkerRecord
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.clock import read_now_ms


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that a worker runs.

    Attributes:
        job_id: the job's id.
        name: the job's name.
        queue: its queue.
        started_ms: when it was started, unix ms by the worker's clock.
        age_s: seconds since then.
    """

    job_id: str
    name: str = ""
    queue: str = ""
    started_ms: int = 0
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """A worker, from its record; a field that the record lacks is '' or 0.

    Attributes:
        worker_id: its name in Redis.
        host: its machine.
        pid: its process id there.
        version: its version of monarq.
        concurrency: how many io jobs it may run at once.
        running: how many jobs it is running, in all its queues and lanes.
        uptime_s: seconds since it started.
        succeeded: runs that succeeded since then.
        failed: runs that failed for good since then.
        cancelled: jobs that were cancelled on request since then.
        retried: runs that were retried, since then.
        draining: whether it only finishes its running jobs.
        alive: whether its heartbeat is on time; False if it was killed or cannot reach Redis.
        queues: the queues that it serves, by their display names.
        cpu_percent: its CPU usage over the last third of its lease, in percent of one core, including its cpu child.
        memory_bytes: its resident memory, including its cpu child.
        loop_lag_s: the largest delay of its event loop in that time.
        restarts: how often earlier workers of its slot in the pool ended unexpectedly or were killed.
        abandoned_threads: threads that still run although their jobs timed out or were cancelled.
        running_jobs: the jobs that it runs, longest running first; at most 50 of them.
        cpu_places: how many cpu jobs it may run at once; 0 if it knows none.
        cpu_running: how many of the jobs that it runs are cpu jobs.
    """

    worker_id: str
    host: str = ""
    pid: int = 0
    version: str = ""
    concurrency: int = 0
    running: int = 0
    uptime_s: float = 0.0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    draining: bool = False
    alive: bool = True
    queues: tuple[str, ...] = ()
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    loop_lag_s: float = 0.0
    restarts: int = 0
    abandoned_threads: int = 0
    running_jobs: tuple[RunningJob, ...] = ()
    cpu_places: int = 0
    cpu_running: int = 0


class _RunningRecord(msgspec.Struct):
    id: str = ""
    name: str = ""
    queue: str = ""
    started_ms: int = 0


class _Record(msgspec.Struct):
    """A worker's record, of this version or another: fields may be missing, and unknown ones are ignored."""

    host: str = ""
    pid: int = 0
    version: str = ""
    concurrency: int = 0
    running: int = 0
    started_ms: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    draining: bool = False
    queues: tuple[str, ...] = ()
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    loop_lag_s: float = 0.0
    restarts: int = 0
    abandoned_threads: int = 0
    running_jobs: tuple[_RunningRecord, ...] = ()
    cpu_places: int = 0
    cpu_running: int = 0


_RECORD: Final = msgspec.json.Decoder(_Record, strict=False)


async def read_workers(redis: Redis, queues: Iterable[QueueRef]) -> list[WorkerStats]:
    """The workers of these queues, each once, by host and process id.

    Raises:
        RedisError: Redis did not answer.
    """
    by_queue = await read_by_queue(redis, queues)
    return sort_workers({worker.worker_id: worker for workers in by_queue.values() for worker in workers}.values())


async def read_by_queue(redis: Redis, queues: Iterable[QueueRef]) -> dict[QueueRef, list[WorkerStats]]:
    """The workers of each of these queues, by host and process id.

    Raises:
        RedisError: Redis did not answer.
    """
    records = await read_records(redis, queues)
    now_ms = await read_now_ms(redis)
    # A worker of many queues is the same one in each of them.
    known: dict[WorkerRecord, WorkerStats] = {}
    for of_queue in records.values():
        known |= {record: _worker(record, now_ms) for record in of_queue if record not in known}
    return {queue: sort_workers(known[record] for record in of_queue) for queue, of_queue in records.items()}


def sort_workers(workers: Iterable[WorkerStats]) -> list[WorkerStats]:
    """The workers by host and process id."""
    return sorted(workers, key=lambda worker: (worker.host, worker.pid, worker.worker_id))


def _worker(found: WorkerRecord, now_ms: int) -> WorkerStats:
    try:
        record = _RECORD.decode(found.data)
    except msgspec.DecodeError:
        # Written by another version or another program: there is a worker nevertheless.
        return WorkerStats(found.worker_id, host=found.worker_id, alive=found.alive)
    return WorkerStats(
        worker_id=found.worker_id,
        host=record.host,
        pid=record.pid,
        version=record.version,
        concurrency=record.concurrency,
        running=record.running,
        uptime_s=_since(record.started_ms, now_ms),
        succeeded=record.succeeded,
        failed=record.failed,
        cancelled=record.cancelled,
        retried=record.retried,
        draining=record.draining,
        alive=found.alive,
        queues=record.queues,
        cpu_percent=record.cpu_percent,
        memory_bytes=record.memory_bytes,
        loop_lag_s=record.loop_lag_s,
        abandoned_threads=record.abandoned_threads,
        restarts=record.restarts,
        running_jobs=tuple(
            RunningJob(job.id, job.name, job.queue, job.started_ms, _since(job.started_ms, now_ms))
            for job in record.running_jobs
        ),
        cpu_places=record.cpu_places,
        cpu_running=record.cpu_running,
    )


def _since(started_ms: int, now_ms: int) -> float:
    return max(0.0, (now_ms - started_ms) / 1000) if started_ms else 0.0
