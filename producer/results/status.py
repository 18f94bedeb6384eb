"""Job status: asked of Redis, and named as arq names it."""

from __future__ import annotations

from enum import StrEnum

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import PARKED_SCORE, QueueKeys
from monarq.shared.redis.scripts import Argument


class JobStatus(StrEnum):
    """A job's status, with arq's values.

    DEFERRED: it is in the queue, and not due yet. QUEUED: it is due and waits for a worker. IN_PROGRESS: a worker runs
    it. COMPLETE: it has ended and its result is there. NOT_FOUND: there is neither a job nor a result of this id.
    """

    DEFERRED = "deferred"
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    NOT_FOUND = "not_found"


def status_commands(keys: QueueKeys, job_id: str) -> list[tuple[Argument, ...]]:
    """The commands to send, in this order: a job moves from queue to run to result, so none is missed on its way."""
    return [
        ("TIME",),
        ("ZSCORE", keys.queue, job_id),
        ("ZSCORE", keys.cpu, job_id),
        ("EXISTS", names.in_progress(job_id)),
        ("EXISTS", names.result(job_id)),
    ]


def decide_status(
    time: tuple[bytes, bytes], score: bytes | None, cpu_score: bytes | None, running: int, ended: int
) -> JobStatus:
    """The status, from the replies to `status_commands`."""
    if ended:
        return JobStatus.COMPLETE
    if running:
        return JobStatus.IN_PROGRESS
    if score is None:
        return JobStatus.NOT_FOUND
    parked = cpu_score is not None and float(score) == PARKED_SCORE
    due_ms = float(cpu_score if parked and cpu_score is not None else score)
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
    return JobStatus.DEFERRED if due_ms > now_ms else JobStatus.QUEUED
