"""Pages of a queue's jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from monarq.shared.lane import LaneQueue

BATCH: Final = 200
"""The most jobs on one page."""

HEAD_BYTES: Final = 512
"""How many bytes are read of a payload's beginning, which has the job's name."""

TAIL_BYTES: Final = 64
"""How many bytes are read of the end of a longer payload, which has its time."""

LiveState = Literal["queued", "deferred", "running"]
PagePosition = tuple[bytes | int, ...]
"""Where a page begins. Its meaning is private to the format; it may come back changed by users."""


class PositionError(ValueError):
    """A position does not belong to the list that it was used for."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a job.

    Attributes:
        worker: the worker's id; "arq" for a stock arq worker, which does not leave its name.
        claimed_ms: since when, unix ms by the worker's clock; None if unknown.
    """

    worker: str
    claimed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class BrowsedJob:
    """A job on a page.

    Attributes:
        raw_id: its id.
        lane_queue: the set that it is in.
        due_ms: when it is, or was, due; None while it runs.
        holder: the worker that runs it; None if none does.
        tries: tries that it has used.
        crashes: how often its worker was lost while it ran.
        crash_note: what is known about the last of these crashes.
        cancel_asked_ms: when its cancellation was requested, or None.
        payload_bytes: the size of its payload; None if it has expired.
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
    """One page of jobs, all read at one moment.

    Attributes:
        now_ms: Redis' time.
        jobs: the jobs; may be empty even if more pages follow.
        next: where the next page begins; None for the last page.
    """

    now_ms: int
    jobs: tuple[BrowsedJob, ...]
    next: PagePosition | None
