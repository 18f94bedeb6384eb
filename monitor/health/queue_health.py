"""Is it well: what is wrong with queues, in a word and with the numbers that say so, from what an overview tells.

What `monarq stats` and the page say first. Judged by what happened in the last minutes, so that it is well again when
that is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from monarq.monitor.health.overview import Overview
from monarq.monitor.queues.lane_usage import all_places
from monarq.monitor.queues.stats import QueueStats

State = Literal[
    "no worker", "failing", "falling behind", "loop blocked", "worker lost", "paused", "catching up", "healthy"
]
"""How a queue is, the worst first."""

ORDER: Final[tuple[State, ...]] = get_args(State)

LATE_S: Final = 30.0
"""A job that is due for so long and has not started is late."""

GROWING_LATE_S: Final = 5.0
"""The same where more jobs come in than end."""

PACE_S: Final = 60
"""The time over which what comes in is compared with what ends."""

FAILING_S: Final = 300
"""The time over which failures are looked at."""

FAILING_SHARE: Final = 0.05
"""The part of the jobs that ended of which on failures are the first thing to say."""

LAGGING_S: Final = 1.0
"""An event loop that is so late is blocked by a job."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it is, or one thing that is wrong.

    Attributes:
        state: in a word.
        reason: why, with the numbers that it was judged by.
        queue: the queue that is meant; '' for all of them.
    """

    state: State
    reason: str
    queue: str = ""


def judge(queues: Iterable[Overview]) -> Verdict:
    """The worst that is to be said of these queues, or that all is well."""
    return find_troubles(queues)[0]


def find_troubles(queues: Iterable[Overview]) -> list[Verdict]:
    """All that is wrong with these queues, the worst first; or the one thing to say, that all is well."""
    looked_at = list(queues)
    if not any(has_worker(queue) or queue.stats.queued for queue in looked_at):
        return [Verdict("no worker", "nobody takes jobs")]
    found = [verdict for queue in looked_at for verdict in _troubles_of(queue)]
    return sorted(found, key=lambda verdict: ORDER.index(verdict.state)) or [Verdict("healthy", _well(looked_at))]


def has_worker(queue: Overview) -> bool:
    """Whether anybody serves it: a worker of monarq, or one of arq that tells of itself."""
    return queue.arq is not None or any(worker.alive for worker in queue.stats.workers)


def _troubles_of(queue: Overview) -> list[Verdict]:
    # That jobs get late is no news where nobody takes them.
    idle = _unserved(queue) or _paused(queue)
    found = (idle, _failing(queue), None if idle else _late(queue), _blocked(queue), _silent(queue))
    return [verdict for verdict in found if verdict]


def _unserved(queue: Overview) -> Verdict | None:
    stats = queue.stats
    if has_worker(queue) or not stats.queued:
        return None
    return Verdict("no worker", f"{_jobs(stats.queued)} ready and no worker runs", stats.queue)


def _failing(queue: Overview) -> Verdict | None:
    lately = queue.lately(FAILING_S).tallies
    if lately.failed and lately.failed >= FAILING_SHARE * lately.ended:
        share = lately.failed / lately.ended
        reason = f"{lately.failed:,} of {_jobs(lately.ended)} failed in the last 5 minutes ({share:.0%})"
    elif lately.crashed:
        lost = "a run lost its worker" if lately.crashed == 1 else f"{lately.crashed:,} runs lost their workers"
        reason = f"{lost} in the last 5 minutes"
    else:
        return None
    return Verdict("failing", reason, queue.stats.queue)


def _paused(queue: Overview) -> Verdict | None:
    stats = queue.stats
    if not stats.paused:
        return None
    return Verdict("paused", f"it gives out no job until it is resumed; {_jobs(stats.queued)} ready", stats.queue)


def _late(queue: Overview) -> Verdict | None:
    """Old jobs alone do not say that it falls behind: a heap that gets smaller does not."""
    stats, lately = queue.stats, queue.lately(PACE_S)
    gained_per_s = lately.ended_per_s - lately.enqueued_per_s
    # What stock arq workers run stands among the ready with the time at which it was due.
    only_arq = not any(worker.alive for worker in stats.workers)
    if stats.oldest_s is None or only_arq or stats.oldest_s < (GROWING_LATE_S if gained_per_s < 0 else LATE_S):
        return None
    reason = f"{_jobs(stats.queued)} ready, the oldest for {_seconds(stats.oldest_s)}{_full_lanes(stats)}"
    if gained_per_s > 0:
        left = f"at this pace done in {_seconds(stats.queued / gained_per_s)}"
        return Verdict("catching up", f"{reason}; {left}", stats.queue)
    pace = f"last minute: {lately.enqueued_per_s:,.1f} in/s, {lately.ended_per_s:,.1f} out/s"
    return Verdict("falling behind", f"{reason}; {pace}", stats.queue)


def _full_lanes(stats: QueueStats) -> str:
    """What waits for a full lane, where there are two: free places in one are of no use to the jobs of the other."""
    lanes = all_places(stats.workers)
    if not all(places.total for places in lanes):
        return ""
    waiting = {"io": stats.queued - stats.queued_cpu, "cpu": stats.queued_cpu}
    return "".join(
        f"; {waiting[places.lane]:,} wait for the {places.lane} lane, where {_all_busy(places.total)}"
        for places in lanes
        if places.are_full and waiting[places.lane] > 0
    )


def _blocked(queue: Overview) -> Verdict | None:
    lagging = [worker for worker in queue.stats.workers if worker.alive and worker.loop_lag_s > LAGGING_S]
    if not lagging:
        return None
    worst_s = max(worker.loop_lag_s for worker in lagging)
    reason = f"the event loop of {_workers(len(lagging))} stands still for up to {worst_s:.1f} s"
    return Verdict("loop blocked", reason, queue.stats.queue)


def _silent(queue: Overview) -> Verdict | None:
    silent = sum(not worker.alive for worker in queue.stats.workers)
    if not silent:
        return None
    reason = f"{silent:,} of {_workers(len(queue.stats.workers))} {'has' if silent == 1 else 'have'} fallen silent"
    return Verdict("worker lost", reason, queue.stats.queue)


def _well(queues: list[Overview]) -> str:
    workers = {worker.id for queue in queues for worker in queue.stats.workers if worker.alive}
    told = [_workers(len(workers)) if workers else "served by arq"]
    ready, running = sum(queue.stats.queued for queue in queues), sum(queue.stats.running for queue in queues)
    told += [f"{running:,} running, {ready:,} ready" if ready or running else "nothing waits"]
    per_s = sum(queue.stats.jobs_per_s for queue in queues)
    return ", ".join([*told, f"{per_s:,.1f} jobs/s"] if per_s else told)


def _jobs(count: int) -> str:
    return f"{count:,} job{'s' if count != 1 else ''}"


def _all_busy(places: int) -> str:
    return "the one place is busy" if places == 1 else f"all {places:,} places are busy"


def _workers(count: int) -> str:
    return f"{count:,} worker{'s' if count != 1 else ''}"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
