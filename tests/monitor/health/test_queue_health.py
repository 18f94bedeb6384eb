"""Queue health: the worst problem, all problems, and their reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monarq.monitor.health.overview import Overview
from monarq.monitor.health.queue_health import assess_health, find_problems
from monarq.monitor.queues.health_key import ArqHealth
from tests.cli.overviews import WORKERS, overview, quiet, rates

BLOCKED = replace(WORKERS[0], loop_lag_s=2.5)
CPU_FULL = replace(WORKERS[0], running=4, cpu_places=2, cpu_running=2)
CPU_FREE = replace(CPU_FULL, running=101, cpu_running=1)
PACE = "last minute: 2.0 in/s, 2.0 out/s"
SOON = "at this rate, caught up in 17 min"
OLD = replace(WORKERS[0], running=3)
"""A version that tells nothing of its cpu lane."""


@pytest.mark.parametrize(
    ("queue", "state", "reason"),
    [
        (quiet(), "healthy", "1 worker, nothing waits"),
        (quiet(jobs_per_s=12.34, running=3), "healthy", "1 worker, 3 running, 0 queued, 12.3 jobs/s"),
        (quiet(workers=()), "no worker", "no worker is running"),
        (quiet(workers=(), queued=1), "no worker", "1 job queued and no worker serves the queue"),
        (quiet(workers=WORKERS[2:], queued=2), "no worker", "2 jobs queued and no worker serves the queue"),
        (quiet(workers=(), queued=2, oldest_s=90.0, arq=ArqHealth()), "healthy", "served by arq, 0 running, 2 queued"),
        (quiet(rates=rates(succeeded=95, failed=5)), "failing", "100 of 2,000 jobs failed in the last 5 minutes (5%)"),
        (quiet(rates=rates(succeeded=96, failed=4)), "healthy", "1 worker, nothing waits"),
        (quiet(rates=rates(succeeded=9, crashed=1)), "failing", "20 runs lost their workers in the last 5 minutes"),
        (
            quiet(unknown_jobs=("sned",)),
            "unknown jobs",
            "no worker knows 'sned'; these jobs wait for a worker that does",
        ),
        (
            quiet(unknown_jobs=(*"abcd", "(unknown)")),
            "unknown jobs",
            "no worker knows 'a', 'b', 'c' and 1 more; these jobs wait for a worker that does",
        ),
        (
            quiet(unknown_jobs=("(unknown)",)),
            "unknown jobs",
            "no worker knows jobs whose names only the workers' logs tell; these jobs wait for a worker that does",
        ),
        (quiet(workers=(), queued=1, unknown_jobs=("a",)), "no worker", "1 job queued and no worker serves the queue"),
        (quiet(workers=(BLOCKED,)), "loop blocked", "the event loop of 1 worker is blocked for up to 2.5 s"),
        (quiet(workers=WORKERS), "worker lost", "1 of 3 workers has stopped sending heartbeats"),
        (quiet(paused=True, queued=7), "paused", "no job is started until it is resumed; 7 jobs queued"),
        (
            quiet(queued=9, oldest_s=31.0),
            "falling behind",
            "9 jobs queued, the oldest for 31 s; last minute: 2.0 in/s, 2.0 out/s",
        ),
        (quiet(queued=9, oldest_s=29.0), "healthy", "1 worker, 0 running, 9 queued"),
        (
            quiet(queued=9, oldest_s=6.0, rates=rates(enqueued=31, succeeded=30)),
            "falling behind",
            "9 jobs queued, the oldest for 6 s; last minute: 2.1 in/s, 2.0 out/s",
        ),
        (
            quiet(queued=94, queued_cpu=94, oldest_s=40.0, workers=(CPU_FULL,)),
            "falling behind",
            "94 jobs queued, the oldest for 40 s; 94 wait for the cpu lane, where all 2 slots are busy; " + PACE,
        ),
        (
            quiet(
                queued=1000, queued_cpu=94, oldest_s=150.0, rates=rates(enqueued=15, succeeded=30), workers=(CPU_FREE,)
            ),
            "catching up",
            "1,000 jobs queued, the oldest for 2 min; 906 wait for the io lane, where all 100 slots are busy; " + SOON,
        ),
        (
            quiet(queued=94, queued_cpu=94, oldest_s=40.0, workers=(OLD, replace(CPU_FULL, alive=False))),
            "falling behind",
            "94 jobs queued, the oldest for 40 s; last minute: 2.0 in/s, 2.0 out/s",
        ),
        (
            quiet(queued=1000, oldest_s=150.0, rates=rates(enqueued=15, succeeded=30)),
            "catching up",
            "1,000 jobs queued, the oldest for 2 min; at this rate, caught up in 17 min",
        ),
    ],
)
def test_a_queue(queue: Overview, state: str, reason: str) -> None:
    finding = assess_health([queue])
    assert (finding.state, finding.reason) == (state, reason)


def test_the_worst_of_several() -> None:
    late = quiet("late", queued=9, oldest_s=60.0)
    broken = quiet("broken", rates=rates(failed=1))
    assert assess_health([quiet(), late, broken, quiet("paused", paused=True)]).queue == "broken"
    assert assess_health([quiet(), late]).queue == "late"


def test_an_empty_queue_without_a_worker_is_healthy() -> None:
    assert assess_health([quiet(workers=()), quiet("emails")]).state == "healthy"
    assert assess_health([quiet(workers=(), queued=1), overview("emails")]).state == "no worker"


def test_all_problems_the_worst_first() -> None:
    """That jobs get late goes without saying where none is given out."""
    several = quiet(
        "several", queued=9, oldest_s=60.0, rates=rates(enqueued=2, failed=1), workers=(BLOCKED, WORKERS[2])
    )
    paused = quiet("paused", paused=True, queued=9, oldest_s=60.0)
    found = [(problem.queue, problem.state) for problem in find_problems([paused, several, quiet()])]
    of_several = ["failing", "falling behind", "loop blocked", "worker lost"]
    assert found == [*(("several", state) for state in of_several), ("paused", "paused")]


def test_no_queue_at_all() -> None:
    assert assess_health([]).state == "no worker"
