"""How far a job is: what a job tells of itself by `Context.progress`, and what others see of it.

A job's side is `ProgressSink`, of which each lane of a worker has its own. The others' side is `Progress`, as handles
and monitors give it. The process of the cpu lane imports this: it needs little.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, SupportsFloat, SupportsIndex

Number = SupportsFloat | SupportsIndex
"""What counts as a number: an int, a float, or what can be made one, as numpy's can."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job was when it last told.

    Attributes:
        done: how much of it is done, in whatever unit the job counts.
        total: how much there is to do, in the same unit; None where the job does not know.
        message: what it says of it, at most 500 characters; may be empty.
        at: when it told, by Redis' clock; aware, in UTC.
    """

    done: float
    total: float | None
    message: str
    at: datetime

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None where the total is not known, or is none."""
        if self.total is None or self.total <= 0:
            return None
        return min(max(self.done / self.total, 0.0), 1.0)


ProgressReport = tuple[float, float | None, str]
"""What a job tells: done, total, message, as plain numbers and text. A bare tuple, as millions may be made of it."""


class ProgressAwaitable:
    """What `Context.progress` gives: the report is on its way already, and awaiting this is optional.

    Awaited in an io job it gives the other jobs a turn now and then, so that a job which does nothing but count does
    not keep the loop for itself.
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
    """Where a job's reports go. It never blocks and never fails."""

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """Takes a report; an older one that is not out yet is forgotten."""
        ...


class NullSink:
    """Forgets all reports: for a `Context` that no worker has made, as in a user's own tests."""

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """Forgets it."""
        return NO_YIELD


NULL_SINK: Final = NullSink()


def make_report(done: Number, total: Number | None, message: str) -> ProgressReport:
    """A report of plain numbers.

    Raises:
        TypeError: an argument is of another type than it should be.
    """
    if (
        (type(done) is int or type(done) is float)
        and (total is None or type(total) is int or type(total) is float)
        and type(message) is str
    ):
        return done, total, message
    if not isinstance(message, str):
        raise TypeError(f"progress() takes a text for its message, not {message!r}")
    return _plain("done", done), None if total is None else _plain("total", total), str(message)


def _plain(name: str, value: Number) -> float:
    if isinstance(value, SupportsIndex):
        return value.__index__()
    if isinstance(value, SupportsFloat):
        return float(value)
    raise TypeError(f"progress() takes a number for {name}, not {value!r}")
