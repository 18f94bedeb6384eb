"""Requeueing: the acknowledgements of runs that did not end their jobs, which go back to their queues."""

from __future__ import annotations

from typing import Final

from monarq.shared.protocol.acks import Crash, Requeue
from monarq.shared.protocol.run_groups import NOT_RUN
from monarq.shared.text.error_text import error_text
from monarq.workers.runs.cpu_errors import CpuJobDied
from monarq.workers.runs.run import ActiveRun

_LONGEST_NOTE: Final = 300
"""The most characters of an error that a job's history keeps."""


def retried(run: ActiveRun, error: BaseException, delay_s: float, worker_id: str, *, is_free: bool) -> Requeue:
    """Requeues the job with a delay; this counts as a try unless it is free."""
    return Requeue(
        run.lease,
        run.job.lane_queue,
        delay_ms=round(delay_s * 1000),
        tries=None if is_free else run.tries,
        note=f"@{worker_id} {error_text(error)[:_LONGEST_NOTE]}",
        name=run.job.name,
        run_ms=NOT_RUN if is_free else run.ran_ms,
    )


def crashed(run: ActiveRun, error: CpuJobDied) -> Crash:
    """Requeues the job at once; this counts as a crash."""
    return Crash(run.lease, error.how[:_LONGEST_NOTE])


def handed_back(run: ActiveRun, worker_id: str, is_free: bool) -> Requeue:
    """Requeues the job at its old place because the worker stops."""
    return Requeue(
        run.lease,
        run.job.lane_queue,
        due_ms=run.lease.due_ms,
        tries=None if is_free else run.tries,
        note=worker_id,
        name=run.job.name,
        is_stopped=True,
    )
