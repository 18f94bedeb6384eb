"""T32, T33: what native workers tell each other is lost: wake-ups, and the list of those that are at work.

Only speed may depend on either.
"""

from __future__ import annotations

import asyncio
from typing import Final

from chaos.checks.checker import percentile
from chaos.checks.ledger import ACKED, FAULT, HEAL, START
from chaos.environment import LEASE_S, Environment
from chaos.faults.proxy import FaultProxy
from chaos.outcome import Outcome, check_basics, check_recovery
from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_QUEUES, FLEET_RECORDS

LOOK_S: Final = 0.5
"""How often an idle worker looks by itself."""

PER_SECOND: Final = 5
"""So few that workers are idle in between."""


async def mute(environment: Environment) -> Outcome:
    """The connections on which workers listen go silent, and nobody closes them; those made anew as well."""
    proxy = FaultProxy(environment.redis.port, environment.rng)
    await proxy.open()
    await environment.start_workers(url=proxy.url)
    await environment.enqueue(count=20)
    await environment.until_empty(20)
    seconds = environment.sized(ci=8, short=20, long=60)
    environment.ledger.note(FAULT, note="listeners muted")
    proxy.mutes_listeners = True
    await environment.enqueue(count=seconds * PER_SECOND, per_second=PER_SECOND, prefix="unheard", longest_ms=5)
    proxy.mutes_listeners = False
    environment.ledger.note(HEAL, note="listeners hear again")
    await asyncio.sleep(12)  # a listener notices within two pings
    await environment.enqueue(count=10 * PER_SECOND, per_second=PER_SECOND, prefix="heard", longest_ms=5)
    outcome = await environment.settle()
    await proxy.close()
    outcome.figures.resume = []  # Redis was never away
    check_basics(outcome, environment.fleets, planned_deaths=0)
    for prefix, half_s, most_s in (("unheard", LOOK_S, 2 * LOOK_S), ("heard", LOOK_S / 5, LOOK_S)):
        waits = _waits_s(environment, prefix)
        outcome.check(f"wait p50 s, {prefix}", round(percentile(waits, 0.5), 3), at_most=half_s)
        outcome.check(f"wait p99 s, {prefix}", round(percentile(waits, 0.99), 3), at_most=most_s)
    return outcome


def _waits_s(environment: Environment, prefix: str) -> list[float]:
    """From the acknowledgement of each job to its start; one that started before that has not waited."""
    acked = {event.job_id: event.mono_ns for event in environment.events(ACKED) if event.job_id.startswith(prefix)}
    starts = [event for event in environment.events(START) if event.job_id in acked]
    return [max(0.0, (event.mono_ns - acked[event.job_id]) / 1e9) for event in starts]


async def forget_fleet(environment: Environment) -> Outcome:
    """What workers know of each other is deleted twice a second, and one of them is killed each second."""
    fleet = await environment.start_workers()
    count = environment.sized(ci=2_000, short=5_000, long=20_000)
    enqueuer = await environment.start_enqueuer(count=count, per_second=250, longest_ms=100)
    start_s = await environment.until_first_run()
    faults = 0

    async def forget() -> None:
        nonlocal faults
        faults += 1
        await environment.redis.client.delete(FLEET_BEATS, FLEET_RECORDS, FLEET_QUEUES)
        if faults % 2 == 0:
            environment.kill_worker(fleet)

    await environment.while_running(enqueuer, 0.5, forget)
    outcome = await environment.settle()
    outcome.facts["deletions"] = faults
    check_basics(outcome, environment.fleets)
    check_recovery(outcome, LEASE_S, start_s)
    return outcome
