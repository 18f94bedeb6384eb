"""The worker's record: the counters and the state that it keeps in Redis for monitors.

`monarq.monitor.queues.workers` reads it. The lease thread writes it with each renewal of the leases; its size is
bounded.
"""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from monarq.shared.version import VERSION
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.reporting.process_stats import ProcessStats
from monarq.workers.runs.run import ActiveRun

MOST_JOBS: Final = 50
"""How many running jobs are listed: those that started first, since they may be stuck."""

PYTHON: Final = ".".join(platform.python_version_tuple()[:2])


@dataclass(slots=True)
class RunCounters:
    """Counts of a worker's runs by outcome, and `started`, which counts all of them.

    `succeeded` runs returned, `failed` ones are not retried, `cancelled` ones ended on request, `retried` and `crashed`
    ones are retried. `abandoned_threads` counts threads that still run although their jobs timed out or were cancelled.
    """

    started: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    crashed: int = 0
    handed_back: int = 0
    lost: int = 0
    abandoned_threads: int = 0


class RunningRecord(msgspec.Struct, frozen=True):
    """A running job of the worker."""

    id: str
    name: str
    queue: str
    started_ms: int


class WorkerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record; its fields are those of `monarq.monitor.queues.workers.WorkerStats`.

    Attributes:
        native_queues: the names of its native queues, since queues in arq's format may have the same names.
    """

    id: str
    host: str
    pid: int
    version: str
    python: str
    started_ms: int
    queues: tuple[str, ...]
    native_queues: tuple[str, ...]
    concurrency: int
    running: int
    cpu_places: int
    cpu_running: int
    succeeded: int
    failed: int
    cancelled: int
    retried: int
    draining: bool
    restarts: int
    abandoned_threads: int
    cpu_percent: float
    memory_bytes: int
    loop_lag_s: float
    running_jobs: list[RunningRecord]


def write_record(
    worker_id: str,
    settings: WorkerSettings,
    *,
    counters: RunCounters,
    runs: Sequence[ActiveRun],
    cpu_places: int,
    measured: ProcessStats,
    started_ms: int,
    restarts: int,
    draining: bool,
) -> bytes:
    """Returns the current record of a worker; `runs` are in the order of their start."""
    record = WorkerRecord(
        id=worker_id,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=VERSION,
        python=PYTHON,
        started_ms=started_ms,
        queues=tuple(queue.label for queue in settings.queues),
        native_queues=tuple(queue.name for queue in settings.queues if queue.format == "native"),
        concurrency=settings.concurrency,
        running=len(runs),
        cpu_places=cpu_places,
        cpu_running=sum(run.job.lane_queue == "cpu" for run in runs),
        succeeded=counters.succeeded,
        failed=counters.failed,
        cancelled=counters.cancelled,
        retried=counters.retried,
        draining=draining,
        restarts=restarts,
        abandoned_threads=counters.abandoned_threads,
        cpu_percent=measured.cpu_percent,
        memory_bytes=measured.memory_bytes,
        loop_lag_s=measured.loop_lag_s,
        running_jobs=[_running_record(run) for run in runs[:MOST_JOBS]],
    )
    return msgspec.json.encode(record)


def _running_record(run: ActiveRun) -> RunningRecord:
    # A run that has just passed the precheck has not started: its claim is the closest known time.
    return RunningRecord(run.lease.job_id, run.job.name, run.lease.queue.name, run.start_ms or run.lease.claimed_ms)
