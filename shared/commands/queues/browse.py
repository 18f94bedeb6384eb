"""Pages of a queue's jobs. See browse.lua."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import read_crash, read_number
from monarq.shared.lane import LaneQueue
from monarq.shared.redis.keys import PARKED_SCORE, QueueKeys
from monarq.shared.redis.scripts import Script, text

_SCRIPT = Script.load("queues/browse")
_FIELDS = 11

BATCH = 200
"""The most jobs of one page."""

HEAD_BYTES = 512
"""How much is read of a payload's beginning, where the job's name is."""

TAIL_BYTES = 64
"""How much is read of a longer payload's end, where its time is."""

LiveState = Literal["queued", "deferred", "running"]
PagePosition = tuple[bytes | int, ...]
"""Where a page begins: browse.lua's arguments 5 to 9."""

START: PagePosition = (b"", b"", b"", b"", 0)


@dataclass(frozen=True, slots=True)
class BrowsedJob:
    """One job of a page.

    Attributes:
        raw_id: its id.
        lane_queue: the set that it is in.
        due_ms: when it is, or was, due; None while it runs.
        worker: the id of the worker that lists it as its own, '' where none does.
        token: of the claim that holds it; b'' where nobody runs it.
        tries: tries that it has used.
        crashes: how often its worker was lost while it ran.
        crash_note: what was known of the last time.
        abort_ms: when its abort was requested, or None.
        payload_bytes: the size of its payload; None where that has expired.
        head: the payload's beginning.
        tail: the end of a payload that is longer than its head.
    """

    raw_id: bytes
    lane_queue: LaneQueue
    due_ms: int | None
    worker: str
    token: bytes
    tries: int
    crashes: int
    crash_note: str
    abort_ms: int | None
    payload_bytes: int | None
    head: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One page of jobs, all of one moment.

    Attributes:
        now_ms: Redis' time.
        jobs: the jobs; there may be none although others follow.
        next: where the next page begins; None for the last page.
    """

    now_ms: int
    jobs: tuple[BrowsedJob, ...]
    next: PagePosition | None


async def browse(
    redis: Redis, keys: QueueKeys, state: LiveState, place: PagePosition = START, limit: int = BATCH
) -> Page:
    """Reads jobs in the order in which they are due; those that run, worker by worker.

    Args:
        redis: the client.
        keys: the queue's keys.
        state: which jobs. A job that a stock arq worker runs is among the queued, with its token.
        place: where the page begins.
        limit: how many jobs, at most `BATCH`.

    Raises:
        RedisError: Redis did not answer.
    """
    asked = (state, min(limit, BATCH), HEAD_BYTES, TAIL_BYTES, *place)
    now_ms, following, *fields = await _SCRIPT.run(redis, keys, asked)
    jobs = tuple(_browsed(fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS))
    return Page(now_ms, jobs, tuple(following) or None)


def _browsed(fields: Sequence[bytes]) -> BrowsedJob:
    raw_id, lane_queue, score, worker, token, tries, crash, abort_ms, size, head, tail = fields
    crashes, note = read_crash(crash)
    due_ms = read_number(score) if score else None
    return BrowsedJob(
        raw_id=raw_id,
        lane_queue="cpu" if lane_queue == b"cpu" else "io",
        due_ms=None if due_ms is not None and due_ms >= PARKED_SCORE else due_ms,
        worker=text(worker),
        token=token,
        tries=read_number(tries),
        crashes=crashes,
        crash_note=note,
        abort_ms=read_number(abort_ms) if abort_ms else None,
        payload_bytes=int(size) if int(size) >= 0 else None,
        head=head,
        tail=tail,
    )
