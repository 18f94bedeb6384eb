"""Lanes, where jobs run, and lane queues, where they wait."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, get_args


class Lane(StrEnum):
    """Where a job runs.

    IO: an `async def`, on the worker's event loop. CPU: a plain `def`, in the worker's child process.
    THREAD: a plain `def` that mostly waits, in a thread of the worker.
    """

    IO = "io"
    CPU = "cpu"
    THREAD = "thread"


LaneName = Literal["io", "cpu", "thread"]
"""A lane as text, for code that only displays it."""

LANE_NAMES: Final[tuple[LaneName, ...]] = get_args(LaneName)

LaneQueue = Literal["io", "cpu"]
"""Which of a queue's two sets a job waits in. Jobs of the thread lane also wait in "io"."""


def lane_queue_of(lane: Lane) -> LaneQueue:
    """The set that jobs of this lane wait in."""
    return "cpu" if lane is Lane.CPU else "io"
