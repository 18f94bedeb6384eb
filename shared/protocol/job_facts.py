"""The facts of one job: everything that a queue holds about it at one moment, not decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.pages import Holder, LiveState

LARGEST_READ: Final = 1024 * 1024
"""The most bytes that are read of a payload or result."""

MOST_HISTORY: Final = 20
"""The most lines of a job's history."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a queue holds about a job.

    Attributes:
        raw_id: its id.
        now_ms: Redis' time.
        state: its state while it waits or runs, else None. In arq's format it may also have a result, left by an
            earlier job with the same id.
        lane_queue: the set that it is in.
        due_ms: when it is, or was, due; None while it runs, and if it is in no set.
        holder: the worker that runs it.
        payload: as much of its payload as was read.
        payload_tail: the end of a payload that was not read completely.
        payload_bytes: the size of its payload; None if there is none.
        expires_ms: when its payload expires; None for never.
        tries: tries that it has used.
        crashes: how often its worker was lost while it ran.
        crash_note: what is known about the last of these crashes.
        cancel_asked_ms: when its cancellation was requested.
        result: as much of its result as was read.
        result_bytes: the size of its result; None if there is none.
        kept_until_ms: when its result expires; None for never.
        history: the lines that the scripts have written, oldest first.
        ended_without_result: whether it ended recently and its result was not kept.
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
    """What a queue still has of a job, the most informative first."""

    ALIVE = 0
    """It waits or runs."""
    DEAD = 1
    """Its dead letter."""
    HISTORY = 2
    """Its history, or a record that it ended recently."""
    RESULT = 3
    """Its result, which in arq's format belongs to no queue."""
    NONE = 4
