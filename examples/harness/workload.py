"""A workload that can be done in two ways, one part after another and by jobs; and what both ways came to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from monarq import Producer
from monarq.examples.harness.effort import Effort
from monarq.examples.harness.meter import OnPart as OnPart


class Waited(NamedTuple):
    """A result, where what counts is not how long the work took but how long somebody had to wait meanwhile.

    Attributes:
        result: what the work came to.
        longest_s: the longest wait, in seconds.
    """

    result: object
    longest_s: float


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that is cut into parts, and two ways to do it.

    Attributes:
        title: what it is, in a few words.
        jobs: how many parts it has.
        one_by_one: does it in this process and returns the result or a `Waited`; calls its argument after each part.
        with_pool: the same by jobs.
        is_right: whether a result is right, where that can be checked.
        waits_for: what it waits for, where it does.
        no_wait: why it does not wait, for work that would elsewhere.
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
    """What one way came to.

    Attributes:
        result: its result.
        effort: what it took.
        longest_wait_s: the longest wait of somebody meanwhile, in seconds; None where nobody's was measured.
    """

    result: object
    effort: Effort
    longest_wait_s: float | None = None

    @property
    def seconds(self) -> float:
        """The time that is compared: the longest wait where one was measured, else how long the work took."""
        return self.effort.seconds if self.longest_wait_s is None else self.longest_wait_s


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both ways came to.

    Attributes:
        work: what was done.
        plain: one part after another.
        pool: by jobs.
        same: whether both results are the same, and right.
    """

    work: Workload
    plain: Outcome
    pool: Outcome
    same: bool

    @property
    def times_as_fast(self) -> float:
        """How many times as fast the pool was; below 1 it was slower."""
        return self.plain.seconds / self.pool.seconds
