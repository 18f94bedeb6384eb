"""The states of a job."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from monarq.shared.protocol.pages import LiveState

FoundState = LiveState | Literal["ended", "unknown"]
"""The state of a job as known to its queue. How it ended is known only from its result."""


class JobState(StrEnum):
    """The state of a job.

    DEFERRED: it is in the queue and not due yet. QUEUED: it is due and waits for a worker. RUNNING: a worker runs it.
    SUCCEEDED, FAILED and CANCELLED: it has ended in this way, and its result still exists. UNKNOWN: there is neither a
    job nor a result with this id.
    """

    DEFERRED = "deferred"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
