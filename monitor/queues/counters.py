"""What has been counted, as numbers that people ask for: how many, how long at the median, how long at worst.

The scripts count waits and run times in buckets, each twice as wide as the one before (as the exponential histograms of
Prometheus and OpenTelemetry do), so that a minute of a million jobs takes no more room than one of ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monarq.shared.commands.jobs.run_groups import BUCKETS

BOUNDS_S: Final = tuple(2**power / 1000 for power in range(BUCKETS - 1))
"""The upper ends of the buckets but for the last, in seconds: 1 ms, 2 ms, 4 ms, up to 70 minutes."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Times by length.

    Attributes:
        counts: how many lie in each bucket: up to each of `BOUNDS_S`, and the last one over all of them.
        sum_ms: all of them together.
    """

    counts: tuple[int, ...] = (0,) * BUCKETS
    sum_ms: int = 0

    @property
    def sum_s(self) -> float:
        """All of them together, in seconds."""
        return self.sum_ms / 1000

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def quantile(self, q: float) -> float | None:
        """The time in seconds that this part of them (0.5, 0.99) does not pass; None where there are none.

        Inside a bucket they are taken to lie evenly, as Prometheus' histogram_quantile does, so it is right to within
        the bucket. What lies in the last one is told as its lower end.
        """
        wanted = q * self.count
        below = 0
        for at, count in enumerate(self.counts):
            if count and below + count >= wanted:
                lower = BOUNDS_S[at - 1] if at else 0.0
                upper = BOUNDS_S[at] if at < len(BOUNDS_S) else lower
                return lower + (upper - lower) * (wanted - below) / count
            below += count
        return None

    def __add__(self, other: Histogram) -> Histogram:
        counts = tuple(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True))
        return Histogram(counts, self.sum_ms + other.sum_ms)

    @classmethod
    def of(cls, counters: Mapping[str, int], letter: str) -> Histogram:
        """The one that is counted under this letter: "w" for waits, "r" for runs."""
        counts = tuple(counters.get(f"{letter}{at}", 0) for at in range(BUCKETS))
        return cls(counts, counters.get(f"{letter}s", 0))


@dataclass(frozen=True, slots=True)
class Tallies:
    """What became of jobs over some time.

    Attributes:
        enqueued: put in by monarq's producers; what stock arq clients put in nobody counts.
        started: claimed by monarq's workers. Of a job's name it is not counted apart, but the sum of what its runs came
            to so far.
        done: ended well.
        failed: failed for good, with a dead letter or without.
        aborted: ended because somebody wanted that.
        retried: runs that led to another try.
        handed_back: runs that were given back at no cost, as workers stopped or did not know the job.
        dead: dead letters written; each is a failed job too.
        crashed: runs whose worker died. Of a job's name, those of its jobs that have ended since.
        lost: runs whose lease was lost to another worker.
        wait: from when a job was due until it was claimed, by Redis' clock, of the runs that have ended.
        run: how long the job's function ran.
    """

    enqueued: int = 0
    started: int = 0
    done: int = 0
    failed: int = 0
    aborted: int = 0
    retried: int = 0
    handed_back: int = 0
    dead: int = 0
    crashed: int = 0
    lost: int = 0
    wait: Histogram = Histogram()
    run: Histogram = Histogram()

    @property
    def ended(self) -> int:
        """Jobs that are over: done, failed or aborted."""
        return self.done + self.failed + self.aborted

    def __add__(self, other: Tallies) -> Tallies:
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Tallies(**counts, wait=self.wait + other.wait, run=self.run + other.run)

    @classmethod
    def of(cls, counters: Mapping[str, int]) -> Tallies:
        """From the fields of a counters' hash."""
        counts = {name: counters.get(name, 0) for name in COUNTS}
        return cls(**counts, wait=Histogram.of(counters, "w"), run=Histogram.of(counters, "r"))

    @classmethod
    def of_job(cls, counters: Mapping[str, int]) -> Tallies:
        """The same for the jobs of one name, whose claims nobody counts."""
        runs = sum(counters.get(name, 0) for name in ("done", "failed", "aborted", "retried", "handed_back", "crashed"))
        return cls.of({**counters, "started": runs})


COUNTS: Final = (
    *("enqueued", "started", "done", "failed", "aborted", "retried", "handed_back", "dead", "crashed", "lost"),
)
"""The counts of `Tallies`, by name."""
