"""Counters and histograms of jobs: how many ended with which outcome, and the quantiles of their wait and run times.

The scripts count wait and run times in buckets, each twice as wide as the previous one (like exponential histograms of
Prometheus and OpenTelemetry), so that a minute with a million jobs takes no more space than one with ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monarq.shared.protocol.run_groups import BUCKETS

BOUNDS_S: Final = tuple(2**power / 1000 for power in range(BUCKETS - 1))
"""The upper bounds of all buckets but the last, in seconds: 1 ms, 2 ms, 4 ms, up to 70 minutes."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of times.

    Attributes:
        counts: how many times are in each bucket: up to each of `BOUNDS_S`; the last bucket has those above all bounds.
        sum_ms: the sum of all times.
    """

    counts: tuple[int, ...] = (0,) * BUCKETS
    sum_ms: int = 0

    @property
    def sum_s(self) -> float:
        """The sum of all times, in seconds."""
        return self.sum_ms / 1000

    @property
    def count(self) -> int:
        """How many times there are."""
        return sum(self.counts)

    def quantile(self, q: float) -> float | None:
        """The quantile `q` (0.5, 0.99) in seconds; None if there are no times.

        It interpolates linearly within a bucket, like Prometheus' histogram_quantile, so its error is at most the
        bucket's width. A quantile in the last bucket is that bucket's lower bound.
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
    def of(cls, fields: Mapping[str, int], prefix: str) -> Histogram:
        """From the fields of a counters' hash with this prefix: "w" for waits, "r" for runs."""
        counts = tuple(fields.get(f"{prefix}{at}", 0) for at in range(BUCKETS))
        return cls(counts, fields.get(f"{prefix}s", 0))


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters and histograms of jobs over some time.

    Attributes:
        enqueued: enqueued by monarq's producers; jobs of stock arq clients are not counted.
        started: claimed by monarq's workers. By job name, it is the sum of all runs that have ended so far.
        done: succeeded.
        failed: failed for good, with a dead letter or without.
        cancelled: cancelled on request.
        retried: runs that led to another try.
        handed_back: runs that were handed back without counting a try, because workers stopped or did not know the job.
        dead: dead letters written; each is also a failed job.
        crashed: runs whose worker died. By job name, only those of jobs that have ended since.
        lost: runs whose lease was lost to another worker.
        wait: the times from due to claimed, by Redis' clock, of runs that have ended.
        run: the run times of the jobs' functions.
    """

    enqueued: int = 0
    started: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    handed_back: int = 0
    dead: int = 0
    crashed: int = 0
    lost: int = 0
    wait: Histogram = Histogram()
    run: Histogram = Histogram()

    @property
    def ended(self) -> int:
        """Jobs that have ended: succeeded, failed or cancelled."""
        return self.succeeded + self.failed + self.cancelled

    def __add__(self, other: Counters) -> Counters:
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Counters(**counts, wait=self.wait + other.wait, run=self.run + other.run)

    @classmethod
    def of(cls, fields: Mapping[str, int]) -> Counters:
        """From the fields of a counters' hash."""
        counts = {name: fields.get(name, 0) for name in COUNTS}
        return cls(**counts, wait=Histogram.of(fields, "w"), run=Histogram.of(fields, "r"))

    @classmethod
    def of_job(cls, fields: Mapping[str, int]) -> Counters:
        """The same for the jobs of one name, whose claims are not counted."""
        runs = sum(
            fields.get(name, 0) for name in ("succeeded", "failed", "cancelled", "retried", "handed_back", "crashed")
        )
        return cls.of({**fields, "started": runs})


COUNTS: Final = (
    *("enqueued", "started", "succeeded", "failed", "cancelled", "retried", "handed_back", "dead", "crashed", "lost"),
)
"""The names of the counts of `Counters`."""
