"""T18: workers' and clients' wall clocks are minutes off, step back an hour and leap days, while jobs become due."""

from __future__ import annotations

import asyncio
from typing import Final

from chaos.checks.checker import percentile
from chaos.checks.due import Due
from chaos.checks.ledger import ACKED, START, UNKNOWN
from chaos.environment import Environment
from chaos.faults.clock import Clock
from chaos.jobs.crons import PREFIX as CRON
from chaos.outcome import Outcome, check_basics
from chaos.scenarios.redis.cuts import count_missing_ticks, count_ticks, until_ticks_caught_up
from monarq import Producer, ResultTimeoutError

MINUTE: Final = 60.0
HOUR: Final = 3600.0
OFF: Final = 5 * MINUTE
STEPS: Final = ((OFF - HOUR, -OFF), (OFF - HOUR, 2 * 24 * HOUR), (OFF, -OFF))
"""The errors of the two workers' clocks after each step: one goes back an hour, one leaps two days, both return."""

EVERY_S: Final = 3.0
LONGEST_DEFER_S: Final = 5.0
CLOCKS_NS: Final = 5_000_000
"""Redis' wall clock is compared with the ledger's monotonic one, and rounded to ms: less than this is not early."""

POLL_S: Final = 0.5


async def shift(environment: Environment) -> Outcome:
    """No wrong clock makes a job run early or late; no tick is missing or doubled, and cancelling works."""
    clocks = {name: Clock(environment.directory, name) for name in ("ahead", "behind", "client-ahead", "client-behind")}
    for name, clock in clocks.items():
        clock.set(OFF if name.endswith("ahead") else -OFF)
    ahead, behind = clocks["ahead"], clocks["behind"]
    for clock in (ahead, behind):
        await environment.start_workers(workers=1, target="chaos.jobs.crons", more=clock.environment)
    count = environment.sized(ci=100, short=500, long=2_000)
    deferred = [
        await environment.start_enqueuer(
            more=clocks[f"client-{name}"].environment,
            count=count,
            per_second=count / (EVERY_S * (len(STEPS) + 1)),
            longest_defer_s=LONGEST_DEFER_S,
            prefix=name,
        )
        for name in ("ahead", "behind")
    ]
    await environment.until_first_run()
    cancels = asyncio.create_task(_cancel_all(environment, clocks))
    for ahead_s, behind_s in STEPS:
        await asyncio.sleep(EVERY_S)
        ahead.set(ahead_s)
        behind.set(behind_s)
    for enqueuer in deferred:
        await enqueuer.wait()
    await until_ticks_caught_up(environment)
    wrong_cancels = await cancels
    outcome = await environment.settle(30, endless=CRON)
    outcome.figures.phantom -= count_ticks(environment)
    outcome.facts["cancels_not_carried_out"] = wrong_cancels
    check_basics(outcome, environment.fleets, planned_deaths=0)
    _check_times(environment, outcome)
    outcome.check("cron ticks missing", count_missing_ticks(environment), equals=0)
    outcome.check("cancellations not carried out", sum(wrong_cancels.values()), equals=0)
    return outcome


async def _cancel_all(environment: Environment, clocks: dict[str, Clock]) -> dict[str, int]:
    """Clients with wrong clocks enqueue jobs, and this process cancels them; returns how many were not cancelled."""
    wrong: dict[str, int] = {}
    async with environment.producer() as producer:
        for name in ("client-ahead", "client-behind"):
            ids = [f"cancel-{name}-{number}" for number in range(10)]
            for job_id in ids:  # it may or may not run: unknown, in the ledger's terms
                environment.ledger.note(UNKNOWN, job_id)
            await _enqueue_elsewhere(environment, clocks[name], f"cancel-{name}")
            cancelled = await asyncio.gather(*(_cancel(producer, job_id) for job_id in ids))
            wrong[name] = cancelled.count(False)
    return wrong


async def _cancel(producer: Producer, job_id: str) -> bool:
    try:
        return await producer.handle(job_id).cancel(timeout=5)
    except ResultTimeoutError:
        return False


async def _enqueue_elsewhere(environment: Environment, clock: Clock, prefix: str) -> None:
    """Enqueues ten jobs of ten seconds, some of which have to wait; this scenario's ledger records them as unknown."""
    directory = environment.directory / prefix
    directory.mkdir()
    enqueuer = await environment.start_enqueuer(
        more=clock.environment,
        ledger=str(directory),
        count=10,
        shortest_ms=10_000,
        longest_ms=10_000,
        longest_defer_s=10.0,
        prefix=prefix,
    )
    await enqueuer.wait()


def _check_times(environment: Environment, outcome: Outcome) -> None:
    acked = {event.job_id: event for event in environment.events(ACKED) if event.note}
    early, late_s = 0, []
    for start in environment.events(START):
        ack = acked.get(start.job_id)
        if ack is not None:
            due = Due.read(ack.note)
            early += start.mono_ns < due.asked_ns + due.defer_s * 1e9 - CLOCKS_NS
            late_s.append((start.mono_ns - ack.mono_ns) / 1e9 - due.defer_s)
    outcome.facts |= {"deferred": len(late_s), "late_p50_s": round(percentile(late_s, 0.5), 3)}
    outcome.check("deferred jobs that ran early", early, equals=0)
    outcome.check("lateness p99 s", round(percentile(late_s, 0.99), 2), at_most=POLL_S + 0.5)
