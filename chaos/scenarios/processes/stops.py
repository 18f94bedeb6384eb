"""T10: rolling restarts, one after the other, under load, with some jobs that outlast the grace period."""

from __future__ import annotations

import time
from typing import Final

from chaos.checks.ledger import START
from chaos.environment import GRACE_S, Environment
from chaos.outcome import Outcome, check_basics

EVERY_S: Final = 5.0
PER_SECOND: Final = 200
HANDED_MS: Final = 15_000
"""Longer than the grace period, even if a busy machine takes seconds from their start to the stop."""

ARQ_TIMEOUT_S: Final = 20.0
"""In the control; longer than the longest job."""


async def restart_rolling(environment: Environment) -> Outcome:
    """SIGHUP every 5 s; then SIGTERM while jobs run that outlast the grace period."""
    fleet = await environment.start_workers(workers=2, concurrency=400, arq_timeout_s=ARQ_TIMEOUT_S)
    restarts = environment.sized(ci=2, short=5, long=20)
    count = round(restarts * EVERY_S * PER_SECOND)
    enqueuer = await environment.start_enqueuer(count=count, per_second=PER_SECOND, longest_ms=2000)
    long_ones = await environment.start_enqueuer(
        count=restarts, per_second=1 / EVERY_S, shortest_ms=7000, longest_ms=7000, prefix="long"
    )
    await environment.until_first_run()

    async def restart() -> None:
        fleet.renew()

    await environment.while_running(enqueuer, EVERY_S, restart)
    await long_ones.wait()
    outcome = await environment.settle()
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.figures.dup_bound = 0
    outcome.check("DUP", outcome.figures.dup, equals=0)
    outcome.check("tries charged", _charged(environment), equals=0)
    outcome.check("stop s", round(fleet.stop_seconds, 2), at_most=GRACE_S + 1)
    await _stop_with_long_jobs(environment, outcome)
    return outcome


async def _stop_with_long_jobs(environment: Environment, outcome: Outcome) -> None:
    """Stops a worker while jobs run that outlast its grace period."""
    first = await environment.start_workers(workers=1, concurrency=50, arq_timeout_s=ARQ_TIMEOUT_S)
    await environment.enqueue(count=20, shortest_ms=HANDED_MS, longest_ms=HANDED_MS, prefix="handed")
    await environment.until(lambda: _starts_of(environment, "handed") == 20, 20)
    second = await environment.start_workers(workers=1, concurrency=50, arq_timeout_s=ARQ_TIMEOUT_S)
    await environment.until(lambda: bool(second.pids()), 20)
    started_s = time.monotonic()
    await first.stop()
    outcome.check("stop with long jobs s", round(time.monotonic() - started_s, 2), at_most=GRACE_S + 1)
    handed_s = await environment.until(lambda: _starts_of(environment, "handed") == 40, 20)
    outcome.check("handed back jobs run again s", round(handed_s, 2), at_most=1)
    outcome.check("tries charged by a hand-back", _charged(environment), equals=0)
    outcome.check("exit code after hand-back", first.exit_code, equals=0)


def _starts_of(environment: Environment, prefix: str) -> int:
    return sum(event.job_id.startswith(prefix) for event in environment.events(START))


def _charged(environment: Environment) -> int:
    """Runs that were a second try, although no job here asks for a retry."""
    return sum(event.job_try != 1 for event in environment.events(START))
