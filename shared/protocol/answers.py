"""What the commands on one job answer."""

from __future__ import annotations

from enum import IntEnum


class CancelAnswer(IntEnum):
    """The state of a job whose cancellation was asked for."""

    UNKNOWN = 0
    WAITS = 1
    RUNS = 2
    ENDED = 3
    """It waited, and has ended: in native queues that takes no worker."""


class Promoted(IntEnum):
    """What happened to a job that should be due now."""

    UNKNOWN = 0
    DUE = 1
    RUNS = 2
    WAS_DUE = 3


class Revived(IntEnum):
    """What happened to one dead job."""

    NO_LETTER = 0
    BACK = 1
    ALIVE = 2
    """A job of this id waits, runs, or has left a result since, so the dead letter was left as it is."""
    NO_PAYLOAD = 3
