"""Pages of a queue's jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monarq.shared.lane import LaneQueue

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
