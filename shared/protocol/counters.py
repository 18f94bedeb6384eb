"""Counters of a queue and of its jobs by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MINUTES_KEPT: Final = 24 * 60
SECONDS_KEPT: Final = 600

FIELDS: Final = (
    *("enqueued", "started", "succeeded", "failed", "cancelled", "retried", "handed_back", "dead", "crashed", "lost"),
)
"""The counters of a step, in the script's order."""

Counters = dict[str, int]
"""Counts by name; a name that was never counted is missing."""


class Step(StrEnum):
    """The length of a series' steps."""

    SECOND = "second"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class QueueCounters:
    """Counters of a queue.

    Attributes:
        now_ms: Redis' time.
        queue: the counters of the whole queue.
        jobs: the counters of its jobs, by name. Names that no worker knows are under "(unknown)", names beyond 200
            under "(other)".
        unknown: the same of each name that no worker knows, where the format tells them apart.
    """

    now_ms: int
    queue: Counters
    jobs: dict[str, Counters]
    unknown: dict[str, Counters] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    """Counters of a queue, step by step.

    Attributes:
        now_ms: Redis' time.
        oldest: the number of the first step since 1970.
        steps: the counters of each step, oldest first; the last step has not ended yet.
    """

    now_ms: int
    oldest: int
    steps: list[Counters]


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts of a queue over the last minutes.

    Attributes:
        now_ms: Redis' time.
        oldest_s: when the first step began, unix seconds.
        enqueued_per_s: jobs that monarq's producers enqueued a second, over the last five whole seconds.
        steps: the counts of each step, by name, oldest first; the last step has not ended yet.
    """

    now_ms: int
    oldest_s: int
    enqueued_per_s: float
    steps: list[dict[str, int]]
