"""What a producer can know about one job: its state, its times, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monarq.shared.clock import moment
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.job_facts import JobFacts
from monarq.shared.protocol.job_state import JobState
from monarq.shared.protocol.pages import HEAD_BYTES
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.text.error_text import error_text
from monarq.shared.text.traceback_text import traceback_text


@dataclass(frozen=True, slots=True)
class JobInfo:
    """What is known about a job.

    The names are those of ``monarq jobs show --json``, whose times are named ``..._ms``. Unknown values are None or ''.
    Times are aware, in UTC.

    Attributes:
        job_id: the job's id.
        queue: the name of its queue.
        format: the format of its queue, "native" or "arq".
        state: its state; `JobState.UNKNOWN` if it has ended and its result was not kept.
        name: the job's name.
        enqueued_at: when it was enqueued, by its client's clock.
        due_at: when it is, or was, due; None while it runs, and once it has ended.
        started_at: when its last run began, by its worker's clock; None if it was not started.
        ended_at: when its last run ended.
        expires_at: the time after which it is no longer started; None for never.
        cancel_asked_at: when its cancellation was requested; only while it has not ended.
        tries: how many tries it has used.
        crashes: how often its worker was lost while it ran; only while it has not ended.
        crash_note: what is known about the last of these crashes.
        worker: the id of the worker that runs it.
        error: the class and message of its exception.
        traceback: the worker's traceback as text.
        payload_bytes: the size of its payload; None if the payload is gone.
    """

    job_id: str
    queue: str
    format: Format
    state: JobState
    name: str | None = None
    enqueued_at: datetime | None = None
    due_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    tries: int = 0
    crashes: int = 0
    crash_note: str = ""
    worker: str | None = None
    error: str = ""
    traceback: str = ""
    payload_bytes: int | None = None


def ended_state(result: Result) -> JobState:
    """How a job ended."""
    if result.success:
        return JobState.SUCCEEDED
    return JobState.CANCELLED if result.was_cancelled else JobState.FAILED


def describe_job(job_id: str, queue: QueueRef, facts: JobFacts, result: Result | None) -> JobInfo | None:
    """A job's info, from the facts in its queue and, if it has ended, its result; None if nothing is known."""
    if result is not None:
        return _describe_ended(job_id, queue, result)
    if facts.state is not None:
        return _describe_alive(job_id, queue, facts, JobState(facts.state))
    if facts.ended_without_result or facts.payload_bytes is not None:
        return _describe_alive(job_id, queue, facts, JobState.UNKNOWN)
    return None


def _describe_alive(job_id: str, queue: QueueRef, facts: JobFacts, state: JobState) -> JobInfo:
    head = read_head(facts.payload[:HEAD_BYTES], facts.payload_tail)
    holder = facts.holder
    return JobInfo(
        job_id=job_id,
        queue=queue.name,
        format=queue.format,
        state=state,
        name=head.name,
        enqueued_at=_instant(head.enqueue_ms),
        due_at=_instant(facts.due_ms),
        started_at=_instant(holder.claimed_ms) if holder else None,
        expires_at=_instant(facts.expires_ms),
        cancel_asked_at=_instant(facts.cancel_asked_ms),
        tries=facts.tries,
        crashes=facts.crashes,
        crash_note=facts.crash_note,
        worker=holder.worker if holder else None,
        payload_bytes=facts.payload_bytes,
    )


def _describe_ended(job_id: str, queue: QueueRef, result: Result) -> JobInfo:
    failed = not (result.success or result.was_cancelled)
    raised = result.value if failed else None
    return JobInfo(
        job_id=job_id,
        queue=queue.name,
        format=queue.format,
        state=ended_state(result),
        name=result.name or None,
        enqueued_at=_instant(result.enqueue_ms),
        started_at=_instant(result.start_ms),
        ended_at=_instant(result.finish_ms),
        tries=result.job_try,
        error=error_text(raised) if isinstance(raised, BaseException) else str(raised) if failed else "",
        traceback=traceback_text(raised) if isinstance(raised, BaseException) else "",
    )


def _instant(ms: int | None) -> datetime | None:
    """Unix ms as a datetime; None if unknown. Jobs at the head of their queue have a due time of 1 ms or less."""
    return None if ms is None or ms <= 1 else moment(ms)
