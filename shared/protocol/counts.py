"""The numbers of a queue at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """A queue at one moment.

    Attributes:
        now_ms: Redis' time.
        queued: jobs that are due and wait. Those that stock arq workers run are among them.
        deferred: jobs that are not due yet.
        running: jobs that monarq workers hold.
        dead: dead letters.
        jobs_per_s: jobs that ended, a second, over the last five whole seconds.
        oldest_s: seconds since which the oldest queued job is due, or None.
        totals: counters since the first job: enqueued, started, succeeded, failed, retried, dead, crashed.
        paused: whether monarq's workers get none of its jobs.
        queued_cpu: how many of the due jobs wait for a cpu lane; 0 where only a monitor's read tells.
        health_check: the last health check of an arq worker; None without one.
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
    """How long a queue's longest waiting jobs are due.

    Attributes:
        io_s: for how many seconds the first job of the queue that nobody runs is due; None where there is none.
        cpu_s: the same of the jobs that are known to be for a cpu lane.
    """

    io_s: float | None
    cpu_s: float | None
