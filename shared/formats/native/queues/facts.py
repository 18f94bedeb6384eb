"""Everything that is known about one job. See facts.lua."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.browse import MOST_INCARNATIONS, holder_of, lane_queue_of_token
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.job_facts import LARGEST_READ, JobFacts
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES, LiveState
from monarq.shared.redis.replies import read_number, text

_SCRIPT = NativeScript.load("queues/facts")
_NOBODY: Final = "none"
"""No incarnation has this name."""

_MOST_LOOKS: Final = 3
"""How often its holder is looked up, as the job may meanwhile be requeued and claimed by another."""


async def read_facts(redis: Redis, keys: NativeKeys, raw_id: bytes, *, with_payload: bool = False) -> JobFacts:
    """Reads everything that is known about a job at one moment: in one round trip, or three while it runs.

    Args:
        redis: the client.
        keys: the queue's keys.
        raw_id: the job.
        with_payload: read the payload up to `LARGEST_READ`, not only its beginning.

    Raises:
        RedisError: Redis did not answer.
    """
    facts = await _read(redis, keys, raw_id, _NOBODY, with_payload=with_payload)
    for _ in range(_MOST_LOOKS):
        if facts.state != "running" or facts.holder is not None:
            break
        # Once more with its holder's data, as everything must be from one moment.
        holder = await _find_holder(redis, keys, raw_id) or _NOBODY
        facts = await _read(redis, keys, raw_id, holder, with_payload=with_payload)
    return facts


async def read_waiting(redis: Redis, keys: NativeKeys, raw_id: bytes) -> JobFacts:
    """The same in one round trip, but without the holder of a running job."""
    return await _read(redis, keys, raw_id, _NOBODY, with_payload=False)


async def _read(redis: Redis, keys: NativeKeys, raw_id: bytes, incarnation: str, *, with_payload: bool) -> JobFacts:
    arguments = (raw_id, LARGEST_READ if with_payload else HEAD_BYTES, TAIL_BYTES, LARGEST_READ)
    return _facts_of(raw_id, incarnation, await _SCRIPT.run_on(redis, keys, arguments, incarnation=incarnation))


async def _find_holder(redis: Redis, keys: NativeKeys, raw_id: bytes) -> str | None:
    """The incarnation that holds a job; None if it has just ended or was requeued."""
    listed = [text(each) for each in await redis.zrange(keys.key("leases"), 0, MOST_INCARNATIONS - 1)]
    calls: Any = redis.pipeline(transaction=False)
    for incarnation in listed:
        calls.hexists(keys.held(incarnation), raw_id)
    held = await calls.execute() if listed else []
    return next((incarnation for incarnation, is_held in zip(listed, held, strict=True) if is_held), None)


def _facts_of(raw_id: bytes, incarnation: str, reply: list[Any]) -> JobFacts:
    now_ms, lane_queue, due, token, size, payload, tail, raw_note, cancel_asked_ms, *ended = reply
    result_size, result, result_ends_ms, trail, is_unkept = ended
    note, due_ms = read_note(raw_note), _time(due)
    is_cpu = lane_queue == b"cpu" if token is None else lane_queue_of_token(token) == "cpu"
    return JobFacts(
        raw_id=raw_id,
        now_ms=now_ms,
        state=_state(due_ms, now_ms, has_payload=size >= 0),
        lane_queue="cpu" if is_cpu else "io",
        due_ms=due_ms,
        holder=None if token is None else holder_of(incarnation),
        payload=payload,
        payload_tail=tail if size > HEAD_BYTES else b"",
        payload_bytes=size if size >= 0 else None,
        expires_ms=note.expires_ms,
        tries=note.tries,
        crashes=note.crashes,
        crash_note=note.text,
        cancel_asked_ms=_time(cancel_asked_ms),
        result=result,
        result_bytes=result_size if result_size >= 0 else None,
        kept_until_ms=read_number(result_ends_ms) or None,
        history=trail.split(b"\n") if trail else [],
        ended_without_result=bool(is_unkept),
    )


def _time(reply: bytes | None) -> int | None:
    return None if reply is None else read_number(reply)


def _state(due_ms: int | None, now_ms: int, *, has_payload: bool) -> LiveState | None:
    if due_ms is not None:
        return "deferred" if due_ms > now_ms else "queued"
    return "running" if has_payload else None
