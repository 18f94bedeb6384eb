"""T25, T26: thousands of jobs fail or become due at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from chaos.checks.ledger import ACKED, FAULT, HEAL, RAISED, START
from chaos.environment import Environment
from chaos.jobs.storm import AWAY, BACKOFF_S
from chaos.outcome import Outcome, check_basics
from monarq.producer import named

AWAY_S: Final = 12.0
"""How long the downstream service stays away after every job has failed once."""

REDIS_CPU: Final = 0.7
SPREAD: Final = 3.0
CALLS_A_JOB: Final = 0.5
"""Script calls per job, claim and finish together; both handle many jobs per call."""


async def retry_storm(environment: Environment) -> Outcome:
    """Everything fails at once; the retries are spread out, and all jobs finish once the downstream service is back."""
    count = environment.sized(ci=1_000, short=5_000, long=50_000)
    flag = environment.ledger_directory / AWAY
    flag.touch()
    await environment.start_workers(target="chaos.jobs.storm", concurrency=100)
    await _enqueue_for_one_moment(environment, "call_downstream", (), count, due_in_s=count / 5_000 + 2)
    await environment.until_first_run()
    environment.ledger.note(FAULT, note="downstream away")
    before_s, began_s = await _redis_cpu_s(environment), time.monotonic()
    await _until_each_has_failed(environment, count)
    peak = await _peak_of_retries(environment)
    await asyncio.sleep(AWAY_S)
    away_s = time.monotonic() - began_s
    busy = (await _redis_cpu_s(environment) - before_s) / away_s
    flag.unlink()
    healed = environment.ledger.note(HEAL, note="downstream back")
    outcome = await environment.settle(120)
    while_away = [event for event in environment.events(START) if event.mono_ns < healed.mono_ns]
    outcome.figures.resume = []  # Redis was never away
    outcome.facts |= {"attempts_while_away": len(while_away), "redis_cpu_share": round(busy, 3)}
    check_basics(outcome, environment.fleets, planned_deaths=0)
    a_job = len(while_away) / count
    outcome.check("attempts of a job while away", round(a_job, 2), at_most=1 + away_s / (BACKOFF_S / 2))
    retries = len(while_away) - count
    outcome.check("retries while away, at least one a job", retries >= count, equals=True)
    outcome.check("busiest second of the retries that are due, times the mean", peak, at_most=SPREAD)
    outcome.check("share of a core that Redis used", round(busy, 2), at_most=REDIS_CPU)
    return outcome


async def _until_each_has_failed(environment: Environment, count: int) -> None:
    """Waits for the first attempts of all jobs, however long they take: retries are queued after them."""
    while len({event.job_id for event in environment.events(RAISED)}) < count:
        await asyncio.sleep(1)


async def herd(environment: Environment) -> Outcome:
    """Fifty thousand jobs are due at the same moment."""
    count = environment.sized(ci=5_000, short=20_000, long=50_000)
    due_in_s = count / 5_000 + 5
    await environment.start_workers(workers=4, concurrency=100)
    asked_ns = await _enqueue_for_one_moment(environment, "work", (0,), count, due_in_s)
    await environment.redis.command("CONFIG", "RESETSTAT")
    outcome = await environment.settle(180)
    calls = int((await environment.redis.client.info("commandstats"))["cmdstat_evalsha"]["calls"])
    check_basics(outcome, environment.fleets, planned_deaths=0)
    starts = environment.events(START)
    early = sum(event.mono_ns < asked_ns + due_in_s * 1e9 for event in starts)
    seconds = (starts[-1].mono_ns - starts[0].mono_ns) / 1e9
    outcome.facts |= {"jobs_per_second": round(count / seconds), "calls_a_job": round(calls / count, 3)}
    outcome.check("jobs that ran early", early, equals=0)
    outcome.check("calls of scripts for each job", round(calls / count, 2), at_most=CALLS_A_JOB)
    return outcome


async def _enqueue_for_one_moment(
    environment: Environment, job: str, arguments: tuple[object, ...], count: int, due_in_s: float
) -> int:
    """Enqueues jobs that become due together in some seconds; returns this moment by the ledger's clock."""
    asked_ns, due_s = time.monotonic_ns(), time.time() + due_in_s
    async with environment.producer() as producer:
        due = named(job).options(defer_until=_moment(due_s))
        handles = await producer.enqueue_many(due, [arguments] * count)
    if time.time() > due_s:
        raise RuntimeError(f"{count} jobs could not be enqueued within {due_in_s:g} s")
    for handle in handles:
        environment.ledger.note(ACKED, handle.job_id)
    return asked_ns


def _moment(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, tz=UTC)


async def _redis_cpu_s(environment: Environment) -> float:
    used = await environment.redis.client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


async def _peak_of_retries(environment: Environment) -> float:
    """How many retries are due in the busiest second to come, as a multiple of the mean.

    The queue decides when they are due; when they run depends on the machine, too.
    """
    due = await environment.queue.read_due_ms(environment.redis.client)
    now_ms = time.time() * 1000
    seconds = Counter(int(due_ms) // 1000 for due_ms in due if due_ms > now_ms)
    if not seconds:
        return 0.0
    return round(max(seconds.values()) * len(seconds) / seconds.total(), 2)
