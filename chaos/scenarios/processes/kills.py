"""T1, T2: workers and Redis are killed with SIGKILL while jobs run."""

from __future__ import annotations

import asyncio

from chaos.environment import FORBEARING, LEASE_S, Environment
from chaos.outcome import Outcome, check_basics, check_recovery, slow_start_s

PER_SECOND = 500
"""More than the workers of two cores can do while one is killed each second would build up a backlog, and recovery
times would measure that."""


async def kill_workers(environment: Environment) -> Outcome:
    """A random worker is killed each second."""
    fleet = await environment.start_workers(*FORBEARING)
    enqueuer = await _enqueue_paced(environment, environment.sized(ci=5_000, short=10_000, long=100_000))
    start_s = await environment.until_first_run()

    async def kill() -> None:
        environment.kill_worker(fleet)

    await environment.while_running(enqueuer, 1.0, kill)
    outcome = await environment.settle()
    check_basics(outcome, environment.fleets)
    check_recovery(outcome, LEASE_S, start_s)
    return outcome


async def kill_workers_and_redis(environment: Environment) -> Outcome:
    """The same, and Redis is killed every 10 s; enqueuers go on meanwhile."""
    fleet = await environment.start_workers(*FORBEARING)
    enqueuer = await _enqueue_paced(environment, environment.sized(ci=10_000, short=20_000, long=100_000))
    start_s = await environment.until_first_run()
    seconds = 0

    async def kill() -> None:
        nonlocal seconds
        seconds += 1
        if seconds % 10 == 0:
            await environment.restart_redis()
        else:
            environment.kill_worker(fleet)

    await environment.while_running(enqueuer, 1.0, kill)
    outcome = await environment.settle()
    check_basics(outcome, environment.fleets)
    check_recovery(outcome, LEASE_S, start_s)
    outcome.check(
        "resume max s", round(max(outcome.figures.resume, default=0.0), 2), at_most=round(2 + slow_start_s(start_s), 2)
    )
    return outcome


async def _enqueue_paced(environment: Environment, count: int) -> asyncio.subprocess.Process:
    return await environment.start_enqueuer(count=count, per_second=PER_SECOND)
