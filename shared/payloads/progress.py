"""The progress of a job: the reports that it makes with `Context.progress`, and how others see them.

The job's side is `ProgressSink`; each lane of a worker has its own. The readers' side is `Progress`, as returned by
handles and monitors. The CPU child imports this module, so it imports little; the JSON is in `progress_codec`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, SupportsFloat, SupportsIndex

Number = SupportsFloat | SupportsIndex
"""Accepted as a number: an int, a float, or an object that converts to one, such as numpy's."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A job's progress as of its last report.

    Attributes:
        done: how much is done, in the job's own unit.
        total: how much there is to do, in the same unit; None if unknown.
        message: the job's own text, at most 500 characters; may be empty.
        at: when it was reported, by Redis' clock; aware, in UTC.
    """

    done: float
    total: float | None
    message: str
    at: datetime

    @property
    def share(self) -> float | None:
        """The fraction that is done, from 0 to 1; None if the total is unknown or not positive."""
        if self.total is None or self.total <= 0:
            return None
        return min(max(self.done / self.total, 0.0), 1.0)


ProgressReport = tuple[float, float | None, str]
"""A report: done, total and message, as plain numbers and text. It is a bare tuple, as a job may make millions."""


class ProgressAwaitable:
    """Returned by `Context.progress`. The report has already been sent; awaiting this is optional.

    Awaited in an io job, it yields to the event loop now and then, so that a job without other awaits does not block
    the others.
    """

    __slots__ = ("_turns",)

    def __init__(self, turns: int = 0) -> None:
        self._turns = turns

    def __await__(self) -> Generator[None, None, None]:
        for _ in range(self._turns):
            yield


NO_YIELD: Final = ProgressAwaitable()
YIELD_ONCE: Final = ProgressAwaitable(turns=1)


class ProgressSink(Protocol):
    """Receives a job's reports. It never blocks and never fails."""

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """Takes a report; it replaces an older one that has not been sent yet."""
        ...


class NullSink:
    """Drops all reports: for a `Context` that was made without a worker, as in a user's tests."""

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """Drops it."""
        return NO_YIELD


NULL_SINK: Final = NullSink()


def make_report(done: Number, total: Number | None, message: str) -> ProgressReport:
    """A report of plain numbers.

    Raises:
        TypeError: an argument has the wrong type.
    """
    if (
        (type(done) is int or type(done) is float)
        and (total is None or type(total) is int or type(total) is float)
        and type(message) is str
    ):
        return done, total, message
    if not isinstance(message, str):
        raise TypeError(f"progress() takes text as its message, not {message!r}")
    return _plain("done", done), None if total is None else _plain("total", total), str(message)


def _plain(name: str, value: Number) -> float:
    if isinstance(value, SupportsIndex):
        return value.__index__()
    if isinstance(value, SupportsFloat):
        return float(value)
    raise TypeError(f"progress() takes a number as {name}, not {value!r}")
