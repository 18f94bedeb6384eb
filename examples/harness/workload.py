"""A workload that can be done in two ways, one part after another and by jobs; and the results of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from monarq import Producer
from monarq.examples.harness.effort import Effort
from monarq.examples.harness.meter import OnPart as OnPart


class Waited(NamedTuple):
    """A result for work where not its duration counts, but how long somebody had to wait meanwhile.

    Attributes:
        result: the result of the work.
        longest_s: the longest wait, in seconds.
    """

    result: object
    longest_s: float


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that is split into parts, and two ways to do it.

    Attributes:
        title: what it is, in a few words.
        jobs: how many parts it has.
        one_by_one: does it in this process and returns the result or a `Waited`; calls its argument after each part.
        with_pool: the same by jobs.
        is_right: checks whether a result is right, if that is possible.
        waits_for: what it waits for, if it waits.
        no_wait: why it does not wait, if such work usually does.
    """

    title: str
    jobs: int
    one_by_one: Callable[[OnPart], object]
    with_pool: Callable[[Producer, OnPart], Awaitable[object]]
    is_right: Callable[[object], bool] = lambda _: True
    waits_for: str = "others"
    no_wait: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one way.

    Attributes:
        result: its result.
        effort: what it took.
        longest_wait_s: the longest wait meanwhile, in seconds; None if it was not measured.
    """

    result: object
    effort: Effort
    longest_wait_s: float | None = None

    @property
    def seconds(self) -> float:
        """The time to compare: the longest wait if it was measured, else the duration of the work."""
        return self.effort.seconds if self.longest_wait_s is None else self.longest_wait_s


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcomes of both ways.

    Attributes:
        work: what was done.
        plain: one part after another.
        pool: by jobs.
        same: whether both results are equal and right.
    """

    work: Workload
    plain: Outcome
    pool: Outcome
    same: bool

    @property
    def times_as_fast(self) -> float:
        """How many times as fast the pool was; below 1 if it was slower."""
        return self.plain.seconds / self.pool.seconds
