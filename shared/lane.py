"""Lanes, in which jobs run, and lane queues, in which they wait."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, get_args


class Lane(StrEnum):
    """Where a job runs.

    IO: `async def`, on the worker's event loop. CPU: plain `def`, in the child process beside the worker.
    THREAD: plain `def` that only waits, in a thread of the worker.
    """

    IO = "io"
    CPU = "cpu"
    THREAD = "thread"


LaneName = Literal["io", "cpu", "thread"]
"""A lane as text, for code that only shows it."""

LANE_NAMES: Final[tuple[LaneName, ...]] = get_args(LaneName)

LaneQueue = Literal["io", "cpu"]
"""Which of a queue's two sets a job waits in. Those of the thread lane wait in "io" as well."""


def lane_queue_of(lane: Lane) -> LaneQueue:
    """The set that jobs of this lane wait in."""
    return "cpu" if lane is Lane.CPU else "io"
