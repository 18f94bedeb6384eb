"""Pages of a queue's jobs. See browse.lua and browse_running.lua."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES, BrowsedJob, Holder, LiveState, Page, PagePosition
from monarq.shared.redis.replies import read_number, text

_WAITING = NativeScript.load("queues/browse")
_RUNNING = NativeScript.load("queues/browse_running")
_FIELDS: Final = 8
_RUNNING_FIELDS: Final = 7

BATCH: Final = 200
"""The most jobs of one page."""

START: Final[PagePosition] = ()
"""Where the first page begins."""

MOST_INCARNATIONS: Final = 10_000
"""The most incarnations whose jobs are shown."""

_NOTHING_HELD: Final = 3
"""The fields of a hash of what is held that are no jobs."""


async def browse(
    redis: Redis, keys: NativeKeys, state: LiveState, place: PagePosition = START, limit: int = BATCH
) -> Page:
    """Reads jobs in the order in which they are, or were, due; those that run, incarnation by incarnation.

    Args:
        redis: the client.
        keys: the queue's keys.
        state: which jobs.
        place: where the page begins: `START`, or the `next` of the page before.
        limit: how many jobs, at most `BATCH`.

    Raises:
        RedisError: Redis did not answer.
    """
    limit = min(limit, BATCH)
    if state == "running":
        return await _browse_running(redis, keys, place, limit)
    now_ms, following, *fields = await _WAITING.run_on(redis, keys, (state, limit, HEAD_BYTES, TAIL_BYTES, *place))
    jobs = tuple(_waiting(fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS))
    return Page(now_ms, jobs, tuple(following) or None)


async def _browse_running(redis: Redis, keys: NativeKeys, place: PagePosition, limit: int) -> Page:
    """A place is an incarnation and, within what it holds, a cursor with the number of its jobs that are shown."""
    incarnation, cursor, skip = place or (b"", b"0", 0)
    now_ms, jobs = await _now_ms(redis), list[BrowsedJob]()
    for holder in await _holders(redis, keys, bytes(incarnation)):
        if holder != incarnation:
            cursor, skip = b"0", 0
        while True:
            if len(jobs) >= limit:
                return Page(now_ms, tuple(jobs), (holder, cursor, skip))
            asked = (limit - len(jobs), HEAD_BYTES, TAIL_BYTES, cursor, skip)
            reply = await _RUNNING.run_on(redis, keys, asked, incarnation=text(holder))
            now_ms, cursor, skip, *fields = reply
            jobs += [
                _running(holder, fields[at : at + _RUNNING_FIELDS]) for at in range(0, len(fields), _RUNNING_FIELDS)
            ]
            if (cursor, skip) == (b"0", 0):
                break
    return Page(now_ms, tuple(jobs), None)


async def _holders(redis: Redis, keys: NativeKeys, first: bytes) -> list[bytes]:
    """The incarnations that hold jobs, by name, from this one on."""
    listed = sorted(await redis.zrange(keys.key("leases"), 0, MOST_INCARNATIONS - 1))
    listed = listed[bisect_left(listed, first) :]
    calls: Any = redis.pipeline(transaction=False)
    for incarnation in listed:
        calls.hlen(keys.held(text(incarnation)))
    counts = await calls.execute() if listed else []
    return [incarnation for incarnation, held in zip(listed, counts, strict=True) if held > _NOTHING_HELD]


async def _now_ms(redis: Redis) -> int:
    seconds, micros = await redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


def _waiting(fields: Sequence[Any]) -> BrowsedJob:
    raw_id, lane_queue, due_ms, *described = fields
    return _browsed(raw_id, "cpu" if lane_queue == b"cpu" else "io", read_number(due_ms), None, described)


def _running(incarnation: bytes, fields: Sequence[Any]) -> BrowsedJob:
    raw_id, token, *described = fields
    worker = text(incarnation).rpartition(".")[0]
    return _browsed(raw_id, "cpu" if token.startswith(b"c") else "io", None, Holder(worker), described)


def _browsed(
    raw_id: bytes, lane_queue: LaneQueue, due_ms: int | None, holder: Holder | None, described: Sequence[Any]
) -> BrowsedJob:
    note, abort_ms, size, head, tail = described
    known = read_note(note)
    return BrowsedJob(
        raw_id=raw_id,
        lane_queue=lane_queue,
        due_ms=due_ms,
        holder=holder,
        tries=known.tries,
        crashes=known.crashes,
        crash_note=known.text,
        abort_ms=read_number(abort_ms) if abort_ms else None,
        payload_bytes=size if size >= 0 else None,
        head=head,
        tail=tail,
    )
