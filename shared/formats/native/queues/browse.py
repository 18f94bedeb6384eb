"""Pages of a queue's jobs. See browse.lua and browse_running.lua."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.pages import (
    BATCH,
    HEAD_BYTES,
    TAIL_BYTES,
    BrowsedJob,
    Holder,
    LiveState,
    Page,
    PagePosition,
    PositionError,
)
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import read_number, text

_WAITING = NativeScript.load("queues/browse")
_RUNNING = NativeScript.load("queues/browse_running")
_FIELDS: Final = 8
_RUNNING_FIELDS: Final = 7

_SETS: Final = {"queued": 4, "deferred": 2}
"""The number of sets from which a state is read."""

_SCORE: Final = re.compile(rb"[0-9]{0,17}")
_CURSOR: Final = re.compile(rb"[0-9]{1,20}")

MOST_INCARNATIONS: Final = 10_000
"""The most incarnations whose jobs are shown."""

_NOTHING_HELD: Final = 3
"""The fields of a `held` hash that are not jobs."""


async def browse(
    redis: Redis, keys: NativeKeys, state: LiveState, position: PagePosition | None = None, limit: int = BATCH
) -> Page:
    """Reads jobs in the order in which they are or were due; running ones, incarnation by incarnation.

    Args:
        redis: the client.
        keys: the queue's keys.
        state: which jobs.
        position: where the page begins: the `next` of the previous page; None for the first page.
        limit: how many jobs, at most `BATCH`.

    Raises:
        PositionError: the position does not belong to this list.
        RedisError: Redis did not answer.
    """
    limit = min(limit, BATCH)
    if state == "running":
        return await _browse_running(redis, keys, position, limit)
    place = _checked_place(state, position or ())
    now_ms, following, *fields = await _WAITING.run_on(redis, keys, (state, limit, HEAD_BYTES, TAIL_BYTES, *place))
    jobs = tuple(_waiting(fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS))
    return Page(now_ms, jobs, tuple(following) or None)


def _checked_place(state: str, position: PagePosition) -> list[bytes]:
    """A valid score and id for each set, or none; anybody may have changed them."""
    place = [part for part in position if isinstance(part, bytes)]
    is_whole = len(place) == len(position) and len(place) in {0, 2 * _SETS[state]}
    if not is_whole or not all(map(_SCORE.fullmatch, place[::2])):
        raise PositionError
    return place


async def _browse_running(redis: Redis, keys: NativeKeys, position: PagePosition | None, limit: int) -> Page:
    first, cursor, skip = _checked_step(position or (b"", b"0", 0))
    now_ms, jobs = await read_now_ms(redis, keys.key("leases")), list[BrowsedJob]()
    for incarnation in await _holders(redis, keys, first):
        if incarnation != first:
            cursor, skip = b"0", 0
        while True:
            if len(jobs) >= limit:
                return Page(now_ms, tuple(jobs), (incarnation, cursor, skip))
            asked = (limit - len(jobs), HEAD_BYTES, TAIL_BYTES, cursor, skip)
            reply = await _RUNNING.run_on(redis, keys, asked, incarnation=text(incarnation))
            now_ms, cursor, skip, *fields = reply
            jobs += [
                _running(text(incarnation), fields[at : at + _RUNNING_FIELDS])
                for at in range(0, len(fields), _RUNNING_FIELDS)
            ]
            if (cursor, skip) == (b"0", 0):
                break
    return Page(now_ms, tuple(jobs), None)


def _checked_step(position: PagePosition) -> tuple[bytes, bytes, int]:
    """An incarnation, a cursor within what it holds, and how many jobs at this cursor were already shown."""
    match position:
        case (bytes() as incarnation, bytes() as cursor, int() as skip) if _CURSOR.fullmatch(cursor) and skip >= 0:
            return incarnation, cursor, skip
    raise PositionError


async def _holders(redis: Redis, keys: NativeKeys, first: bytes) -> list[bytes]:
    """The incarnations that hold jobs, sorted by name, starting with this one."""
    listed = sorted(await redis.zrange(keys.key("leases"), 0, MOST_INCARNATIONS - 1))
    listed = listed[bisect_left(listed, first) :]
    calls: Any = redis.pipeline(transaction=False)
    for incarnation in listed:
        calls.hlen(keys.held(text(incarnation)))
    counts = await calls.execute() if listed else []
    return [incarnation for incarnation, held in zip(listed, counts, strict=True) if held > _NOTHING_HELD]


def holder_of(incarnation: str) -> Holder:
    """The holder of an incarnation's jobs; since when is unknown."""
    return Holder(incarnation.rpartition(".")[0])


def lane_queue_of_token(token: bytes) -> LaneQueue:
    """The lane queue from which a token's claim took jobs."""
    return "cpu" if token.startswith(b"c") else "io"


def _waiting(fields: Sequence[Any]) -> BrowsedJob:
    raw_id, lane_queue, due_ms, *described = fields
    return _browsed(raw_id, "cpu" if lane_queue == b"cpu" else "io", read_number(due_ms), None, described)


def _running(incarnation: str, fields: Sequence[Any]) -> BrowsedJob:
    raw_id, token, *described = fields
    return _browsed(raw_id, lane_queue_of_token(token), None, holder_of(incarnation), described)


def _browsed(
    raw_id: bytes, lane_queue: LaneQueue, due_ms: int | None, holder: Holder | None, described: Sequence[Any]
) -> BrowsedJob:
    note, cancel_asked_ms, size, head, tail = described
    known = read_note(note)
    return BrowsedJob(
        raw_id=raw_id,
        lane_queue=lane_queue,
        due_ms=due_ms,
        holder=holder,
        tries=known.tries,
        crashes=known.crashes,
        crash_note=known.text,
        cancel_asked_ms=read_number(cancel_asked_ms) if cancel_asked_ms else None,
        payload_bytes=size if size >= 0 else None,
        head=head,
        tail=tail,
    )
