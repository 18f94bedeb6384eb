"""The view of one job: its state, payload, result, dead letter and timeline.

It takes a few round trips, however long the queues are. Nothing is unpickled, and of large values only a part is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis.asyncio import Redis

from monarq.monitor.jobs.dead_letters import DeadLetter, read_dead_letters, read_payload
from monarq.monitor.jobs.listing import JobRow, State, dead_letter_row, job_row
from monarq.monitor.jobs.payload_view import decode_safely
from monarq.monitor.jobs.result_view import ResultView, view_result
from monarq.monitor.jobs.timeline import EventKind, TimelineEvent, in_order, read_history
from monarq.monitor.text.formatting import timestamp
from monarq.shared.formats.choice.monitors import known_queues, monitor_queue, monitor_queues
from monarq.shared.payloads.payload_head import Format, read_head
from monarq.shared.protocol.job_facts import LARGEST_READ, JobFacts, Trace
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES, BrowsedJob
from monarq.shared.protocol.queue_ref import ARQ_DEFAULT_QUEUE, QueueRef


@dataclass(frozen=True, slots=True)
class JobView:
    """Everything that is known about a job.

    Attributes:
        row: its row in a list.
        crash_note: what is known about its last crash.
        payload_format: the format of its payload; None if that is gone.
        signed: whether its payload is signed; the signature is not checked here.
        arguments: its arguments as written in a call, '' for none; None if they were not requested or cannot be read
            safely.
        expires_ms: when its payload expires, after which it is not started; None for never.
        result: its result, if there is one.
        dead_letter: its dead letter, if it is dead.
        timeline: what happened to it, in order.
        now_ms: Redis' time.
    """

    row: JobRow
    crash_note: str
    payload_format: Format | None
    signed: bool
    arguments: str | None
    expires_ms: int | None
    result: ResultView | None
    dead_letter: DeadLetter | None
    timeline: tuple[TimelineEvent, ...]
    now_ms: int


async def find_job(
    redis: Redis, job_id: str | bytes, queue: QueueRef | None = None, *, with_arguments: bool = False
) -> JobView | None:
    """Finds a job and reads everything that is known about it.

    Args:
        redis: the client.
        job_id: its id.
        queue: its queue; None looks in every known queue.
        with_arguments: also read its arguments.

    Returns:
        The job; None if no job with this id is known.

    Raises:
        RedisError: Redis did not answer.
    """
    raw_id = job_id if isinstance(job_id, bytes) else job_id.encode("utf-8", "surrogateescape")
    # A result in arq's format belongs to no queue: there may be one even if no queue knows the job.
    found = queue or await _queue_of(redis, raw_id, await known_queues(redis)) or ARQ_DEFAULT_QUEUE
    facts = await monitor_queue(found).read_facts(redis, raw_id, with_payload=with_arguments)
    letters = await read_dead_letters(redis, found, [raw_id])
    view = _view(found, facts, letters[0] if letters else None, with_arguments)
    if view is None or not with_arguments:
        return view
    if view.dead_letter is None or not _is_small(view.dead_letter):
        return replace(view, arguments=_arguments(view, facts.payload))
    payload = await read_payload(redis, view.dead_letter) or b""
    head = read_head(payload[:HEAD_BYTES], payload[-TAIL_BYTES:] if len(payload) > HEAD_BYTES else b"")
    return replace(view, arguments=_arguments(view, payload), payload_format=head.format, signed=head.signed)


async def find_rows(redis: Redis, job_id: str | bytes, queues: Sequence[QueueRef] | None = None) -> list[JobRow]:
    """The search by id: the row of the job in a list, or none.

    Raises:
        RedisError: Redis did not answer.
    """
    found = [await find_job(redis, job_id, queue) for queue in queues or (None,)]
    return [view.row for view in found if view is not None]


async def _queue_of(redis: Redis, raw_id: bytes, queues: Sequence[QueueRef]) -> QueueRef | None:
    """The queue that the job is in, else the one with its dead letter, else one with its history."""
    calls: Any = redis.pipeline(transaction=False)
    readers = [queue.ask_trace(calls, raw_id) for queue in await monitor_queues(redis, queues)]
    replies = iter(await calls.execute(raise_on_error=False))
    traces = [read_trace(replies) for read_trace in readers]
    first = min(traces)
    return None if first is Trace.NONE else queues[traces.index(first)]


def _view(queue: QueueRef, facts: JobFacts, letter: DeadLetter | None, with_arguments: bool) -> JobView | None:
    result = None
    if facts.result_bytes is not None:
        result = view_result(facts.result, facts.result_bytes, facts.kept_until_ms, with_arguments=with_arguments)
    state = _state_of(facts, result, letter)
    if state is None:
        return None
    letter = letter if state == "failed" else None
    row = _row(queue, facts, state, result, letter)
    has_payload = facts.payload_bytes is not None
    head = read_head(facts.payload[:HEAD_BYTES], facts.payload_tail)
    return JobView(
        row=row,
        crash_note=_crash_note(facts, letter),
        payload_format=head.format if has_payload else None,
        signed=head.signed,
        arguments=None,
        expires_ms=facts.expires_ms,
        result=result,
        dead_letter=letter,
        timeline=_timeline(row, facts),
        now_ms=facts.now_ms,
    )


def _state_of(facts: JobFacts, result: ResultView | None, letter: DeadLetter | None) -> State | None:
    if facts.state is not None and (facts.state == "running" or result is None):
        return facts.state
    if letter is not None:
        return "failed"
    if result is not None:
        if result.success is None:
            return "unknown"
        return "succeeded" if result.success else "cancelled" if result.cancelled else "failed"
    return "unknown" if facts.ended_without_result or facts.payload_bytes is not None else None


def _is_small(letter: DeadLetter) -> bool:
    return letter.payload_bytes is not None and letter.payload_bytes <= LARGEST_READ


def _arguments(view: JobView, payload: bytes) -> str | None:
    """The payload's arguments if it was read completely; if it is gone, the result's."""
    size = view.row.payload_bytes
    if size is None:
        return view.result.arguments if view.result else None
    return decode_safely(payload).arguments if payload and len(payload) == size else None


def _row(
    queue: QueueRef, facts: JobFacts, state: State, result: ResultView | None, letter: DeadLetter | None
) -> JobRow:
    if letter is not None:
        return replace(dead_letter_row(letter), payload_bytes=letter.payload_bytes)
    row = job_row(
        queue,
        state,
        BrowsedJob(
            raw_id=facts.raw_id,
            lane_queue=facts.lane_queue,
            due_ms=facts.due_ms,
            holder=facts.holder,
            tries=facts.tries,
            crashes=facts.crashes,
            crash_note=facts.crash_note,
            cancel_asked_ms=facts.cancel_asked_ms,
            payload_bytes=facts.payload_bytes,
            head=facts.payload[:HEAD_BYTES],
            tail=facts.payload_tail,
        ),
    )
    if state in ("queued", "deferred", "running"):
        return row
    if result is None:
        return replace(row, lane=None) if facts.ended_without_result else row
    return replace(
        row,
        name=result.name,
        lane=result.lane,
        due_ms=result.due_ms,
        tries=result.tries or row.tries,
        crashes=max(row.crashes, len(_crashes(facts))),
        enqueued_ms=result.enqueued_ms,
        started_ms=result.started_ms,
        ended_ms=result.ended_ms or _cancelled_ms(facts, state),
        error=result.error,
    )


def _crashes(facts: JobFacts) -> list[TimelineEvent]:
    """Its crashes; for a job that has ended, only its history has them."""
    return [event for event in read_history(facts.history) if event.what == "crashed"]


def _crash_note(facts: JobFacts, letter: DeadLetter | None) -> str:
    if letter is not None:
        return letter.crash_note
    return facts.crash_note or "".join(event.note for event in _crashes(facts)[-1:])


def _cancelled_ms(facts: JobFacts, state: State) -> int | None:
    """When a job that was never started ended. Its result does not say: it is when cancellation was requested."""
    asked_ms = [event.at_ms for event in read_history(facts.history) if event.what == "cancel-asked"]
    return asked_ms[-1] if asked_ms and state == "cancelled" else None


def _timeline(row: JobRow, facts: JobFacts) -> tuple[TimelineEvent, ...]:
    ends: dict[State, EventKind] = {"succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}
    end = ends.get(row.state)
    return in_order(
        (
            TimelineEvent(row.enqueued_ms, "enqueued") if row.enqueued_ms else None,
            *read_history(facts.history),
            TimelineEvent(row.due_ms, "due") if row.due_ms and row.state == "deferred" else None,
            TimelineEvent(row.started_ms, "started", row.worker or "") if row.started_ms else None,
            TimelineEvent(row.ended_ms, end, _end_note(row)) if row.ended_ms and end else None,
        )
    )


def _end_note(row: JobRow) -> str:
    is_early = row.due_ms and row.ended_ms and row.due_ms > row.ended_ms
    return f"{row.error}; it was due {timestamp(row.due_ms)}" if is_early and row.due_ms else row.error
