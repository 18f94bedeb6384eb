"""T32, T33: what native workers tell each other is lost: wake-ups, and the list of live workers.

Only speed may depend on them.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Final

from chaos.checks.checker import judge, percentile
from chaos.checks.ledger import ACKED, FAULT, HEAL, KILL, START
from chaos.environment import FORBEARING, LEASE_S, Environment, signal_process
from chaos.faults.proxy import FaultProxy
from chaos.outcome import Outcome, check_basics, check_recovery
from chaos.processes.fleet import MonarqFleet, busy_pids
from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_QUEUES, FLEET_RECORDS

LOOK_S: Final = 0.5
"""How often an idle worker polls."""

PER_SECOND: Final = 5
"""Slow enough that workers are idle in between."""


async def mute(environment: Environment) -> Outcome:
    """The connections on which workers listen go silent without being closed, new ones included."""
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
    environment.ledger.note(HEAL, note="listeners receive messages again")
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
    """The time from each job's acknowledgement to its start; 0 for a job that started before."""
    acked = {event.job_id: event.mono_ns for event in environment.events(ACKED) if event.job_id.startswith(prefix)}
    starts = [event for event in environment.events(START) if event.job_id in acked]
    return [max(0.0, (event.mono_ns - acked[event.job_id]) / 1e9) for event in starts]


async def forget_fleet(environment: Environment) -> Outcome:
    """What workers know about each other is deleted twice a second, and one of them is killed each second.

    Finally a worker is killed together with its supervisor, so that nobody sees it die.
    """
    fleet = await environment.start_workers(*FORBEARING)
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
    unseen_s = await _kill_unseen(environment)
    outcome = await environment.settle()
    outcome.facts["deletions"] = faults
    check_basics(outcome, [fleet])
    check_recovery(outcome, LEASE_S, start_s)
    outcome.check("jobs of whom nobody saw die run again s", round(unseen_s, 2), at_most=LEASE_S + 2)
    return outcome


async def _kill_unseen(environment: Environment) -> float:
    """Kills a pool and all that is known about it; returns the seconds until all its jobs ran."""
    doomed = await environment.start_workers(workers=1)
    assert isinstance(doomed, MonarqFleet)
    await environment.until(lambda: doomed.ready() == 1, 30)
    enqueuer = await environment.start_enqueuer(
        count=1_000, per_second=50, prefix="unseen", shortest_ms=500, longest_ms=500
    )
    await environment.until(lambda: bool(busy_pids(doomed, environment.ledger_directory)), 30)
    await asyncio.sleep(1)
    [pid] = doomed.pids()
    signal_process(doomed.supervisor, signal.SIGSTOP)
    kill = environment.ledger.note(KILL, pid=pid)
    signal_process(pid, signal.SIGKILL)
    await environment.redis.client.delete(FLEET_BEATS, FLEET_RECORDS, FLEET_QUEUES)
    signal_process(doomed.supervisor, signal.SIGKILL)
    await asyncio.sleep(LEASE_S + 3)
    enqueuer.terminate()
    await enqueuer.wait()
    return max(judge([event for event in environment.events() if event.what != KILL or event == kill]).recovery)
