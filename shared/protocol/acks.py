"""Acknowledgements: what a worker reports about a run that has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.run_groups import NOT_RUN, RunEnd

_SUCCEEDED: Final = RunEnd.SUCCEEDED
"""Cached, as it is used for every job and attribute lookup on an enum class is slow."""


class Finish(msgspec.Struct, eq=False, gc=False):
    """The end of a job.

    Attributes:
        lease: the job.
        success: whether it returned.
        result: the bytes of its result.
        keep_ms: ms to keep the result; 0 for forever, -1 for not at all.
        name: the job's name; '' if its payload did not have it.
        dead_letter: the text of its dead letter, as JSON; b'' for none.
        keep_dead_ms: ms to keep the dead letter.
        run_ms: how many ms its function ran; `NOT_RUN` if it was not called.
        cancelled: whether it ended because its cancellation was requested.
    """

    lease: Lease
    success: bool
    result: bytes
    keep_ms: int
    name: str = ""
    dead_letter: bytes = b""
    keep_dead_ms: int = 0
    run_ms: int = NOT_RUN
    cancelled: bool = False

    @property
    def end(self) -> RunEnd:
        """The status that it is counted as."""
        if self.success:
            return _SUCCEEDED
        if self.cancelled:
            return RunEnd.CANCELLED
        return RunEnd.DEAD if self.dead_letter else RunEnd.FAILED


@dataclass(frozen=True, slots=True)
class Requeue:
    """The return of a job to its queue.

    Attributes:
        lease: the job.
        lane_queue: the set that it waits in next.
        due_ms: when it is due, unix ms; 0 means `delay_ms` from now.
        delay_ms: ms from now, if due_ms is 0.
        tries: how many tries it has used; None if this run does not count as a try.
        note: a few words for its history; '' for none.
        name: the job's name; '' if unknown.
        run_ms: how many ms its function ran; `NOT_RUN` if it was not called.
        unknown_ms: since when no worker has known its name, unix ms; None if this worker knows it.
        is_stopped: whether it is returned because its worker is stopping.
    """

    lease: Lease
    lane_queue: LaneQueue
    due_ms: int = 0
    delay_ms: int = 0
    tries: int | None = None
    note: str = ""
    name: str = ""
    run_ms: int = NOT_RUN
    unknown_ms: int | None = None
    is_stopped: bool = False

    @property
    def end(self) -> RunEnd:
        """The status that its run is counted as."""
        return RunEnd.HANDED_BACK if self.tries is None or self.is_stopped else RunEnd.RETRIED


@dataclass(frozen=True, slots=True)
class Crash:
    """A job whose process died, whatever the cause.

    Attributes:
        lease: the job.
        what: what happened to the process, in a few words.
    """

    lease: Lease
    what: str


Ack = Finish | Requeue | Crash
