"""Pages of a queue's jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from monarq.shared.lane import LaneQueue

BATCH: Final = 200
"""The most jobs of one page."""

HEAD_BYTES: Final = 512
"""How much is read of a payload's beginning, where the job's name is."""

TAIL_BYTES: Final = 64
"""How much is read of a longer payload's end, where its time is."""

LiveState = Literal["queued", "deferred", "running"]
PagePosition = tuple[bytes | int, ...]
"""Where a page begins. Only the format that made it knows what it means; users of the page may change it."""


class PositionError(ValueError):
    """A position is none of the list that it was given for."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a job.

    Attributes:
        worker: the worker's id; "arq" for a stock arq worker, which leaves no name.
        claimed_ms: since when, unix ms by the worker's clock; None where that is not known.
    """

    worker: str
    claimed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class BrowsedJob:
    """One job of a page.

    Attributes:
        raw_id: its id.
        lane_queue: the set that it is in.
        due_ms: when it is, or was, due; None while it runs.
        holder: who runs it; None where nobody does.
        tries: tries that it has used.
        crashes: how often its worker was lost while it ran.
        crash_note: what was known of the last time.
        cancel_asked_ms: when its cancellation was requested, or None.
        payload_bytes: the size of its payload; None where that has expired.
        head: the payload's beginning.
        tail: the end of a payload that is longer than its head.
    """

    raw_id: bytes
    lane_queue: LaneQueue
    due_ms: int | None
    holder: Holder | None
    tries: int
    crashes: int
    crash_note: str
    cancel_asked_ms: int | None
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
