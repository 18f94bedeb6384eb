"""The numbers of a queue at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """A queue at one moment.

    Attributes:
        now_ms: Redis' time.
        queued: jobs that are due and wait, including those that stock arq workers run.
        deferred: jobs that are not due yet.
        running: jobs that monarq workers hold.
        dead: dead letters.
        jobs_per_s: jobs that ended, a second, over the last five whole seconds.
        oldest_s: for how many seconds the oldest queued job has been due, or None.
        totals: counters since the first job: enqueued, started, succeeded, failed, retried, dead, crashed.
        paused: whether it gives no jobs to monarq's workers.
        queued_cpu: how many of the due jobs wait for a cpu lane; 0 if unknown here.
        health_check: the last health check of an arq worker; None if there is none.
    """

    now_ms: int
    queued: int
    deferred: int
    running: int
    dead: int
    jobs_per_s: float
    oldest_s: float | None
    totals: dict[str, int]
    paused: bool = False
    queued_cpu: int = 0
    health_check: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """For how long a queue's longest waiting jobs have been due.

    Attributes:
        io_s: for how many seconds the queue's first waiting job has been due; None if there is none.
        cpu_s: the same for jobs that are known to be for a cpu lane.
    """

    io_s: float | None
    cpu_s: float | None
