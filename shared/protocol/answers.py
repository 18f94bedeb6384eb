"""The answers of commands on single jobs."""

from __future__ import annotations

from enum import IntEnum


class CancelAnswer(IntEnum):
    """The state of a job whose cancellation was requested."""

    UNKNOWN = 0
    WAITS = 1
    RUNS = 2
    ENDED = 3
    """It was waiting, and has ended; in native queues this does not need a worker."""


class Promoted(IntEnum):
    """What happened to a job that was to be made due now."""

    UNKNOWN = 0
    DUE = 1
    RUNS = 2
    WAS_DUE = 3


class Revived(IntEnum):
    """What happened to one dead job."""

    NO_LETTER = 0
    BACK = 1
    ALIVE = 2
    """A job with this id waits, runs, or has left a result since then, so the dead letter was left as it is."""
    NO_PAYLOAD = 3
