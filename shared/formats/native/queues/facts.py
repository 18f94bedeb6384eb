"""All that is known of one job. See facts.lua."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.notes import Note, read_note
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.browse import MOST_INCARNATIONS
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES
from monarq.shared.protocol.producer_queue import JobStatus
from monarq.shared.redis.replies import read_number, text

_SCRIPT = NativeScript.load("queues/facts")

RESULT_BYTES: Final = 1024 * 1024
"""How much is read of a result."""

_MOST_LOOKS: Final = 3
"""How often its holder is looked for: meanwhile it may go back, and to another one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What Redis holds of a job at one moment. Times are unix ms; what there is not is None.

    Attributes:
        raw_id: its id.
        now_ms: Redis' time.
        status: what it is doing. It is COMPLETE only where its result is there.
        lane_queue: the lane queue that it waits in, or was claimed from.
        due_ms: when it became or becomes due, while it waits.
        incarnation: who holds it.
        token: under which claim.
        payload: as much of it as was asked for.
        payload_tail: its end, where it is longer than what a list reads of it.
        payload_bytes: its size.
        note: what is rare about it.
        abort_ms: when its abort was requested.
        progress: its last report, as it was published.
        result: as much of it as is read to be shown.
        result_bytes: its size.
        result_ends_ms: when it is deleted; None for never.
        letter: its dead letter, ``<name> NUL <JSON>``.
        died_ms: when that was left.
        dead_payload_bytes: the size of its payload.
        letter_ends_ms: when it is deleted.
        trail: its rare events, a line each, oldest first.
        was_not_kept: whether it has ended within the last minutes, and its result was not kept.
    """

    raw_id: bytes
    now_ms: int
    status: JobStatus
    lane_queue: LaneQueue | None
    due_ms: int | None
    incarnation: str | None
    token: bytes | None
    payload: bytes
    payload_tail: bytes
    payload_bytes: int | None
    note: Note
    abort_ms: int | None
    progress: bytes | None
    result: bytes
    result_bytes: int | None
    result_ends_ms: int | None
    letter: bytes | None
    died_ms: int | None
    dead_payload_bytes: int | None
    letter_ends_ms: int | None
    trail: tuple[bytes, ...]
    was_not_kept: bool


async def read_facts(redis: Redis, keys: NativeKeys, raw_id: bytes, *, most_payload: int = HEAD_BYTES) -> Facts:
    """Reads all that is known of a job.

    Args:
        redis: the client.
        keys: the queue's keys.
        raw_id: the job.
        most_payload: how many bytes to read of its payload.

    Raises:
        RedisError: Redis did not answer.
    """
    facts = await _read(redis, keys, raw_id, most_payload, None)
    for _ in range(_MOST_LOOKS):
        if facts.status is not JobStatus.IN_PROGRESS or facts.token is not None:
            break
        # Once more with what the holder has of it, as all must be of one moment.
        facts = await _read(redis, keys, raw_id, most_payload, await _find_holder(redis, keys, raw_id))
    return facts


async def _read(redis: Redis, keys: NativeKeys, raw_id: bytes, most_payload: int, holder: str | None) -> Facts:
    arguments = (raw_id, most_payload, TAIL_BYTES, RESULT_BYTES)
    reply = await _SCRIPT.run_on(redis, keys, arguments, incarnation=holder or "none")
    return _facts_of(raw_id, holder, reply)


async def _find_holder(redis: Redis, keys: NativeKeys, raw_id: bytes) -> str | None:
    """The incarnation that holds a job; None where it has just ended, or gone back."""
    listed = [text(each) for each in await redis.zrange(keys.key("leases"), 0, MOST_INCARNATIONS - 1)]
    calls: Any = redis.pipeline(transaction=False)
    for incarnation in listed:
        calls.hexists(keys.held(incarnation), raw_id)
    held = await calls.execute() if listed else []
    return next((incarnation for incarnation, is_held in zip(listed, held, strict=True) if is_held), None)


def _facts_of(raw_id: bytes, holder: str | None, reply: list[Any]) -> Facts:
    now_ms, waits_in, due_ms, token, size, payload, tail, note, abort_ms, progress, *ended = reply
    result_size, result, result_ends_ms, letter, died_ms, dead_size, letter_ends_ms, trail, was_not_kept = ended
    return Facts(
        raw_id=raw_id,
        now_ms=now_ms,
        status=_status(waits_in, _time(due_ms), now_ms, has_payload=size >= 0, has_result=result_size >= 0),
        lane_queue=_lane_queue(waits_in, token),
        due_ms=_time(due_ms),
        incarnation=holder if token else None,
        token=token,
        payload=payload,
        payload_tail=tail if size > HEAD_BYTES else b"",
        payload_bytes=size if size >= 0 else None,
        note=read_note(note),
        abort_ms=_time(abort_ms),
        progress=progress,
        result=result,
        result_bytes=result_size if result_size >= 0 else None,
        result_ends_ms=read_number(result_ends_ms) or None,
        letter=letter,
        died_ms=_time(died_ms),
        dead_payload_bytes=dead_size if dead_size >= 0 else None,
        letter_ends_ms=_time(letter_ends_ms),
        trail=tuple(trail.split(b"\n")) if trail else (),
        was_not_kept=bool(was_not_kept),
    )


def _time(reply: bytes | None) -> int | None:
    return None if reply is None else read_number(reply)


def _lane_queue(waits_in: bytes | None, token: bytes | None) -> LaneQueue | None:
    if waits_in is not None:
        return "cpu" if waits_in.endswith(b":cpu") else "io"
    return None if token is None else "cpu" if token.startswith(b"c") else "io"


def _status(
    waits_in: bytes | None, due_ms: int | None, now_ms: int, *, has_payload: bool, has_result: bool
) -> JobStatus:
    if waits_in is not None:
        is_deferred = waits_in.startswith(b"deferred") and (due_ms or 0) > now_ms
        return JobStatus.DEFERRED if is_deferred else JobStatus.QUEUED
    if has_payload:
        return JobStatus.IN_PROGRESS
    return JobStatus.COMPLETE if has_result else JobStatus.NOT_FOUND
