"""The values of an enqueue: where jobs go, and what happened to each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from monarq.shared.lane import Lane

MAX_JOBS: Final = 1000
"""The most jobs in one call."""


class EnqueueMode(StrEnum):
    """Where the ids of a call come from, and whether the call is a repetition."""

    NEW = "new"
    NAMED = "named"
    REPEATED = "repeated"


class Enqueued(IntEnum):
    """What happened to one job."""

    EXISTED = 0
    ADDED = 1
    ENDED = 2
    """The call is a repetition, and a job with this id has ended since then: perhaps this one."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and when the jobs of one call wait and run.

    Attributes:
        lane: the lane that they run on.
        due_ms: when they are due, unix ms; 0 means `delay_ms` from now.
        delay_ms: ms from now, if due_ms is 0.
        ttl_ms: ms after which a waiting job is no longer started; 0 for never.
        tick_ms: ms for which a cron tick's id cannot be enqueued again; 0 for no limit.
        name: the jobs' name, by which they are counted; '' counts them for the queue only.
        may_expire: whether the score shows that the producer set `ttl_ms`. arq's clients set one for every job, with
            plain ms as scores.
    """

    lane: Lane = Lane.IO
    due_ms: int = 0
    delay_ms: int = 0
    ttl_ms: int = 0
    tick_ms: int = 0
    name: str = ""
    may_expire: bool = False
