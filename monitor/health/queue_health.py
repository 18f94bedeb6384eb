"""Queue health: what is wrong with queues, as a state and a reason with numbers, from their overviews.

`monarq stats` and the page show it first. Only the last minutes count, so a queue soon becomes healthy again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from monarq.monitor.health.overview import Overview
from monarq.monitor.queues.lane_usage import total_lane_usage
from monarq.monitor.queues.series import UNKNOWN
from monarq.monitor.queues.stats import QueueStats
from monarq.shared.protocol.queue_ref import Format, QueueRef

HealthState = Literal[
    "no worker",
    "unknown jobs",
    "failing",
    "falling behind",
    "loop blocked",
    "worker lost",
    "paused",
    "catching up",
    "healthy",
]
"""The health states of a queue, worst first."""

SEVERITY_ORDER: Final[tuple[HealthState, ...]] = get_args(HealthState)

LATE_S: Final = 30.0
"""A job is late if it has been due for this long without starting."""

GROWING_LATE_S: Final = 5.0
"""The same for a queue in which more jobs are enqueued than end."""

RATE_WINDOW_S: Final = 60
"""The window over which the rates of enqueued and ended jobs are compared."""

FAILING_S: Final = 300
"""The window in which failures count."""

FAILING_SHARE: Final = 0.05
"""A queue is failing if at least this share of its ended jobs failed."""

_MOST_NAMES: Final = 3

BLOCKED_S: Final = 1.0
"""An event loop with a larger lag is blocked by a job."""


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One problem of a queue; or that all queues are healthy, or have no worker.

    Attributes:
        state: the health state.
        reason: why, with numbers.
        queue: the queue's name; '' for all of them.
        format: the queue's format; None for all of them.
    """

    state: HealthState
    reason: str
    queue: str = ""
    format: Format | None = None

    @property
    def ref(self) -> QueueRef | None:
        """The queue; None for all of them."""
        return None if self.format is None else QueueRef(self.queue, self.format)


def assess_health(queues: Iterable[Overview]) -> HealthFinding:
    """The worst problem of these queues, or that all are healthy."""
    return find_problems(queues)[0]


def find_problems(queues: Iterable[Overview]) -> list[HealthFinding]:
    """All problems of these queues, the worst first; or the one finding that all are healthy."""
    overviews = list(queues)
    if not any(has_worker(queue) or queue.stats.queued for queue in overviews):
        return [HealthFinding("no worker", "no worker is running")]
    found = [problem for queue in overviews for problem in _problems_of(queue)]
    return sorted(found, key=lambda problem: SEVERITY_ORDER.index(problem.state)) or [_healthy(overviews)]


def has_worker(queue: Overview) -> bool:
    """Whether it has a worker: one of monarq, or one of arq that writes health checks."""
    return queue.arq is not None or any(worker.alive for worker in queue.stats.workers)


def _problems_of(queue: Overview) -> list[HealthFinding]:
    # Without a worker, or paused, its jobs are late of course.
    idle = _unserved(queue) or _paused(queue)
    found = (
        idle,
        None if idle else _unknown_jobs(queue),
        _failing(queue),
        None if idle else _late(queue),
        _blocked(queue),
        _silent(queue),
    )
    return [problem for problem in found if problem]


def _unserved(queue: Overview) -> HealthFinding | None:
    stats = queue.stats
    if has_worker(queue) or not stats.queued:
        return None
    return HealthFinding("no worker", f"{_jobs(stats.queued)} queued and no worker serves the queue", *stats.ref)


def _unknown_jobs(queue: Overview) -> HealthFinding | None:
    if not queue.unknown_jobs:
        return None
    return HealthFinding("unknown jobs", unknown_jobs_text(queue.unknown_jobs), *queue.stats.ref)


def unknown_jobs_text(names: Iterable[str]) -> str:
    """What is said of a queue with jobs that no worker knows.

    Args:
        names: their names, at least one; see `Overview.unknown_jobs`.
    """
    known = [name for name in names if name != UNKNOWN]
    shown = ", ".join(repr(name[:60]) for name in known[:_MOST_NAMES]) or "jobs whose names only the workers' logs tell"
    more = len(known) - _MOST_NAMES
    return f"no worker knows {shown}{f' and {more:,} more' if more > 0 else ''}; these jobs wait for a worker that does"


def _failing(queue: Overview) -> HealthFinding | None:
    counters = queue.last(FAILING_S).counters
    if counters.failed and counters.failed >= FAILING_SHARE * counters.ended:
        share = counters.failed / counters.ended
        reason = f"{counters.failed:,} of {_jobs(counters.ended)} failed in the last 5 minutes ({share:.0%})"
    elif counters.crashed:
        lost = "a run lost its worker" if counters.crashed == 1 else f"{counters.crashed:,} runs lost their workers"
        reason = f"{lost} in the last 5 minutes"
    else:
        return None
    return HealthFinding("failing", reason, *queue.stats.ref)


def _paused(queue: Overview) -> HealthFinding | None:
    stats = queue.stats
    if not stats.paused:
        return None
    return HealthFinding("paused", f"no job is started until it is resumed; {_jobs(stats.queued)} queued", *stats.ref)


def _late(queue: Overview) -> HealthFinding | None:
    """A queue with old jobs is falling behind only if its backlog does not shrink."""
    stats, rates = queue.stats, queue.last(RATE_WINDOW_S)
    gained_per_s = rates.ended_per_s - rates.enqueued_per_s
    # Jobs that stock arq workers run count as queued since they were due.
    only_arq = not any(worker.alive for worker in stats.workers)
    if stats.oldest_s is None or only_arq or stats.oldest_s < (GROWING_LATE_S if gained_per_s < 0 else LATE_S):
        return None
    reason = f"{_jobs(stats.queued)} queued, the oldest for {_seconds(stats.oldest_s)}{_full_lanes(stats)}"
    if gained_per_s > 0:
        left = f"at this rate, caught up in {_seconds(stats.queued / gained_per_s)}"
        return HealthFinding("catching up", f"{reason}; {left}", *stats.ref)
    comparison = f"last minute: {rates.enqueued_per_s:,.1f} in/s, {rates.ended_per_s:,.1f} out/s"
    return HealthFinding("falling behind", f"{reason}; {comparison}", *stats.ref)


def _full_lanes(stats: QueueStats) -> str:
    """How many jobs wait for a full lane, if there are two lanes: free slots in one do not help jobs of the other."""
    lanes = total_lane_usage(stats.workers)
    if not all(lane.total for lane in lanes):
        return ""
    waiting = {"io": stats.queued - stats.queued_cpu, "cpu": stats.queued_cpu}
    return "".join(
        f"; {waiting[lane.lane]:,} wait for the {lane.lane} lane, where {_all_busy(lane.total)}"
        for lane in lanes
        if lane.is_full and waiting[lane.lane] > 0
    )


def _blocked(queue: Overview) -> HealthFinding | None:
    lagging = [worker for worker in queue.stats.workers if worker.alive and worker.loop_lag_s > BLOCKED_S]
    if not lagging:
        return None
    worst_s = max(worker.loop_lag_s for worker in lagging)
    reason = f"the event loop of {_workers(len(lagging))} is blocked for up to {worst_s:.1f} s"
    return HealthFinding("loop blocked", reason, *queue.stats.ref)


def _silent(queue: Overview) -> HealthFinding | None:
    silent = sum(not worker.alive for worker in queue.stats.workers)
    if not silent:
        return None
    count = _workers(len(queue.stats.workers))
    reason = f"{silent:,} of {count} {'has' if silent == 1 else 'have'} stopped sending heartbeats"
    return HealthFinding("worker lost", reason, *queue.stats.ref)


def _healthy(queues: list[Overview]) -> HealthFinding:
    workers = {worker.worker_id for queue in queues for worker in queue.stats.workers if worker.alive}
    parts = [_workers(len(workers)) if workers else "served by arq"]
    queued, running = sum(queue.stats.queued for queue in queues), sum(queue.stats.running for queue in queues)
    parts += [f"{running:,} running, {queued:,} queued" if queued or running else "nothing waits"]
    per_s = sum(queue.stats.jobs_per_s for queue in queues)
    return HealthFinding("healthy", ", ".join([*parts, f"{per_s:,.1f} jobs/s"] if per_s else parts))


def _jobs(count: int) -> str:
    return f"{count:,} job{'s' if count != 1 else ''}"


def _all_busy(places: int) -> str:
    return "the only slot is busy" if places == 1 else f"all {places:,} slots are busy"


def _workers(count: int) -> str:
    return f"{count:,} worker{'s' if count != 1 else ''}"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
