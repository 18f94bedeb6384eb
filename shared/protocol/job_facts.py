"""The facts of one job: everything that a queue holds of it at one moment, with nothing of it decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.pages import Holder, LiveState

LARGEST_READ: Final = 1024 * 1024
"""The most that is read of a payload or result, in bytes."""

MOST_HISTORY: Final = 20
"""The most lines of a job's history."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a queue holds of a job.

    Attributes:
        raw_id: its id.
        now_ms: Redis' time.
        state: its state while it waits or runs. In arq's format it may have a result, too, which an earlier job of the
            same id has left. None where it neither waits nor runs.
        lane_queue: the set that it is in.
        due_ms: when it is, or was, due; None while it runs, and where it is in no set.
        holder: who runs it.
        payload: as much of its payload as was read.
        payload_tail: the end of a payload that is longer than what a list reads of it.
        payload_bytes: the size of its payload; None where there is none.
        expires_ms: when its payload expires; None for never.
        tries: tries that it has used.
        crashes: how often its worker was lost while it ran.
        crash_note: what was known of the last time.
        cancel_asked_ms: when its cancellation was requested.
        result: as much of its result as was read.
        result_bytes: the size of its result; None where there is none.
        kept_until_ms: when its result expires; None for never.
        history: the lines that the scripts have written, oldest first.
        ended_without_result: whether it ended lately, and its result was not kept.
    """

    raw_id: bytes
    now_ms: int
    state: LiveState | None = None
    lane_queue: LaneQueue = "io"
    due_ms: int | None = None
    holder: Holder | None = None
    payload: bytes = b""
    payload_tail: bytes = b""
    payload_bytes: int | None = None
    expires_ms: int | None = None
    tries: int = 0
    crashes: int = 0
    crash_note: str = ""
    cancel_asked_ms: int | None = None
    result: bytes = b""
    result_bytes: int | None = None
    kept_until_ms: int | None = None
    history: list[bytes] = field(default_factory=list)
    ended_without_result: bool = False


class Trace(IntEnum):
    """What a queue has of a job, the most telling first."""

    ALIVE = 0
    """It waits or runs."""
    DEAD = 1
    """Its dead letter."""
    HISTORY = 2
    """Its history, or that it ended lately."""
    RESULT = 3
    """Its result, which in arq's format belongs to no queue."""
    NONE = 4
