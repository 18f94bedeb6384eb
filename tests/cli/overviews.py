"""Overviews of queues, made up for the tests of how they look."""

from __future__ import annotations

from typing import Any

from monarq.monitor.health.overview import RATE_STEP_S, RATE_STEPS, Overview, RateStep
from monarq.monitor.jobs.dead_letters import DeadLetter
from monarq.monitor.queues.counters import Counters, Histogram
from monarq.monitor.queues.stats import QueueStats, WorkerStats
from monarq.shared.protocol.queue_ref import suggested_format

WORKERS = (
    WorkerStats("a", "web-1.example.com", 12345, "0.1.0", 100, 100, 7503.0, 1_234_567, 0, queues=("arq:queue",)),
    WorkerStats("b", "web-2", 7, "0.1.0", 100, 3, 3.21, 12, 4, draining=True, queues=("arq:queue", "emails")),
    WorkerStats("c", "web-3", 8, "0.1.0", 100, 1, 3.21, 12, 4, alive=False, queues=("arq:queue",)),
)

_STATS: dict[str, Any] = {
    "queued": 1_234_567,
    "deferred": 89,
    "running": 200,
    "dead": 3,
    "enqueued": 98_765_432,
    "succeeded": 87_654_321,
    "failed": 12,
    "retried": 34,
    "cancelled": 0,
    "handed_back": 0,
    "crashed": 5,
    "lost": 0,
    "jobs_per_s": 1345.6,
    "oldest_s": 75.0,
    "health_check": None,
    "workers": WORKERS,
}
_QUIET: dict[str, Any] = {"queued": 0, "deferred": 0, "running": 0, "dead": 0, "jobs_per_s": 0.0, "oldest_s": None}


def times(bucket: int, count: int) -> Histogram:
    counts = [0] * len(Histogram().counts)
    counts[bucket] = count
    return Histogram(tuple(counts), 0)


JOBS = {
    "send_email": Counters(
        *(1_000_000, 1_000_010, 999_000, 1000, 0, 10), dead=1000, crashed=2, wait=times(3, 10), run=times(9, 10)
    ),
    "resize": Counters(enqueued=5, started=5, succeeded=5, run=times(0, 5), wait=times(14, 5)),
}


def letter(name: str, error: str, died_ms: int = 1_000) -> DeadLetter:
    return DeadLetter(
        *(name.encode(), "arq:queue", "arq", name, name, error, "ValueError", "", 1, 0, "", "w", "io"),
        *(0, 0, 0, died_ms, 10),
    )


def rates(**counts: int) -> tuple[RateStep, ...]:
    """The last five minutes, with these counts in each step."""
    return tuple(RateStep(RATE_STEP_S * at, RATE_STEP_S, Counters(**counts)) for at in range(RATE_STEPS))


def overview(name: str = "arq:queue", **given: Any) -> Overview:
    """A busy queue; fields of `QueueStats` and of `Overview` may be given."""
    of_stats = {field: given.pop(field) for field in list(given) if field in QueueStats.__dataclass_fields__}
    filled = {"window": Counters(wait=times(3, 10)), "jobs": JOBS, "rates": rates(enqueued=30, succeeded=29, failed=1)}
    return Overview(
        QueueStats(name, **{"format": suggested_format(name)} | _STATS | of_stats),
        **filled | {"now_ms": 61_000} | given,
    )


def quiet(name: str = "arq:queue", **given: Any) -> Overview:
    """A queue in which nothing waits and nothing is wrong."""
    return overview(
        name, **_QUIET | {"jobs": {}, "rates": rates(succeeded=30, enqueued=30), "workers": WORKERS[:1]} | given
    )
