"""T17s, T17m: sentinels put the replica in the place of a primary that is killed, again and again, under load.

Redis replicates asynchronously: what the old primary acknowledged and had not sent on is gone, whatever a queue does.
So losses and duplicates are counted and published here, not held to a figure.
"""

from __future__ import annotations

import asyncio
from typing import Final

from chaos.checks.ledger import FAULT, HEAL
from chaos.environment import Environment
from chaos.outcome import Outcome
from chaos.processes.failover import PORTS_VARIABLE, Trio

RESUME_S: Final = 10.0


async def fail_over(environment: Environment) -> Outcome:
    """The primary takes writes with or without a replica."""
    return await _fail_over(environment, replicas=0)


async def fail_over_guarded(environment: Environment) -> Outcome:
    """A primary without a replica takes no writes (min-replicas-to-write 1)."""
    return await _fail_over(environment, replicas=1)


async def _fail_over(environment: Environment, *, replicas: int) -> Outcome:
    trio = Trio(environment.redis, environment.directory)
    try:
        await trio.start()
        await trio.require_replica(replicas)
        environment.client = trio.client
        outcome = await _play(environment, trio, guarded=replicas > 0)
    finally:
        await trio.stop()
    outcome.facts["min_replicas_to_write"] = replicas
    return outcome


async def _play(environment: Environment, trio: Trio, *, guarded: bool) -> Outcome:
    await environment.start_workers(
        target="chaos.jobs.sentinel.WorkerSettings", more={PORTS_VARIABLE: ",".join(map(str, trio.ports))}
    )
    enqueuer = await environment.start_enqueuer(count=1_000_000, per_second=200, sentinels=trio.ports)
    await environment.until_first_run()
    failovers = environment.sized(ci=1, short=2, long=10)
    for _ in range(failovers):
        await asyncio.sleep(1)
        environment.ledger.note(FAULT, note="primary killed")
        await trio.kill_primary()
        if not guarded:
            environment.ledger.note(HEAL, note="replica took over")
        await asyncio.sleep(1)
        await trio.start_again()
        if guarded:
            environment.ledger.note(HEAL, note="primary has a replica")
    enqueuer.terminate()
    await enqueuer.wait()
    outcome = await environment.settle(30)
    figures = outcome.figures
    outcome.facts |= {"failovers": failovers, "enqueues_refused": figures.refused, "enqueues_unknown": figures.unknown}
    outcome.check("silent enqueues", figures.silent, equals=0)
    outcome.check("worker deaths", outcome.deaths, equals=0)
    outcome.check("exit codes", [fleet.exit_code for fleet in environment.fleets], equals=[0])
    outcome.check("left in the queue", outcome.facts["left_in_queue"], equals=0)
    outcome.check("failovers after which work went on", len(figures.resume), equals=failovers)
    outcome.check("resume max s", round(max(figures.resume, default=99.0), 2), at_most=RESUME_S)
    return outcome
