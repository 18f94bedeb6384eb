"""T17s, T17m: sentinels promote the replica repeatedly under load.

All processes find Redis by a ``redis+sentinel://`` URL. In turn, the primary is killed, frozen for a while, and told to
hand over while it keeps running. Redis replicates asynchronously: whatever a queue does, writes that the old primary
acknowledged but had not replicated are lost. So losses are counted without a limit, but each must be at a failover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from chaos.checks.ledger import ACKED, FAULT, HEAL, START, Event
from chaos.environment import Environment
from chaos.outcome import Outcome
from chaos.processes.enqueuer import ENDLESS
from chaos.processes.failover import Trio
from chaos.processes.redis_server import free_port
from chaos.processes.watchers import Look, Watchers, seen_again_s

AGAIN_S: Final = 10.0
KINDS: Final = ("killed", "frozen", "hands over")
IN_FLIGHT_S: Final = 0.1
"""A reply in flight at the fault is recorded within this time."""

LAG_S: Final = 1.0
"""How far a replica may lag behind its primary."""

UNAWARE_S: Final = 3.0
"""How long after a failover clients may not know the new primary: sentinels poll once a second, clients twice."""


async def fail_over(environment: Environment) -> Outcome:
    """The primary accepts writes with or without a replica."""
    return await _fail_over(environment, replicas=0)


async def fail_over_guarded(environment: Environment) -> Outcome:
    """A primary without a replica refuses writes (min-replicas-to-write 1)."""
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
    health_port = free_port()
    await environment.start_workers("--health-port", str(health_port), url=trio.url)
    enqueuer = await environment.start_enqueuer(url=trio.url, count=ENDLESS, per_second=200)
    await environment.until_first_run()
    failovers = environment.sized(ci=1, short=3, long=10)
    async with Watchers(trio.url, environment.queue.ref, environment.directory, health_port) as watchers:
        for number in range(failovers):
            await asyncio.sleep(1)
            kind = KINDS[number % len(KINDS)]
            await _take_over(environment, trio, kind)
            if not guarded:
                environment.ledger.note(HEAL, note="replica took over")
            await asyncio.sleep(3)
            if guarded or number + 1 < failovers:
                await trio.start_again()
            if guarded:
                environment.ledger.note(HEAL, note="primary has a replica")
                await asyncio.sleep(3)
    enqueuer.terminate()
    await enqueuer.wait()
    outcome = await environment.settle(30)
    _check(environment, outcome, failovers)
    _check_again(environment.events(), watchers.looks, outcome, failovers, since=HEAL if guarded else FAULT)
    await _check_losses(environment, outcome)
    return outcome


async def _take_over(environment: Environment, trio: Trio, kind: str) -> None:
    """Causes a failover; returns when the other server is the primary."""
    primary, other = await trio.roles()
    environment.ledger.note(FAULT, note=kind)
    if kind == "killed":
        await primary.kill()
    elif kind == "hands over":
        await trio.switch()
    else:
        primary.freeze()
    try:
        await trio.until_primary(other)
    finally:
        if kind == "frozen":
            primary.thaw()


def _check(environment: Environment, outcome: Outcome, failovers: int) -> None:
    figures = outcome.figures
    outcome.facts |= {"failovers": failovers, "enqueues_refused": figures.refused, "enqueues_unknown": figures.unknown}
    outcome.check("silent enqueues", figures.silent, equals=0)
    outcome.check("worker deaths", outcome.deaths, equals=0)
    outcome.check("exit codes", [fleet.exit_code for fleet in environment.fleets], equals=[0])
    outcome.check("left in the queue", outcome.facts["left_in_queue"], equals=0)


def _check_again(
    events: Sequence[Event], looks: dict[str, list[Look]], outcome: Outcome, failovers: int, *, since: str
) -> None:
    """Checks when each user of the queue could use it again after each failover."""
    table: dict[str, list[float | None]] = {name: [] for name in ("enqueue", "run", *looks)}
    faults = [event.mono_ns for event in events if event.what == FAULT]
    ends = [*faults[1:], max(event.mono_ns for event in events) + 1]
    begins = [next(event.mono_ns for event in events if event.what == since and event.mono_ns >= ns) for ns in faults]
    for begin_ns, end_ns in zip(begins, ends, strict=True):
        during = [event for event in events if begin_ns + IN_FLIGHT_S * 1e9 < event.mono_ns < end_ns]
        acked = {event.job_id for event in during if event.what == ACKED}
        table["enqueue"].append(_first_s(during, begin_ns, ACKED, acked))
        table["run"].append(_first_s(during, begin_ns, START, acked))
        for name, seen in looks.items():
            table[name].append(seen_again_s(seen, begin_ns, end_ns))
    outcome.facts["again_s"] = {name: [_rounded(value) for value in values] for name, values in table.items()}
    for name, values in table.items():
        found = [value for value in values if value is not None]
        outcome.check(f"failovers after which {name} worked", len(found), equals=failovers)
        outcome.check(f"{name} works again, max s", round(max(found, default=99.0), 2), at_most=AGAIN_S)


def _first_s(events: Iterable[Event], begin_ns: int, what: str, job_ids: set[str]) -> float | None:
    return next(
        ((event.mono_ns - begin_ns) / 1e9 for event in events if event.what == what and event.job_id in job_ids), None
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


async def _check_losses(environment: Environment, outcome: Outcome) -> None:
    """Checks that each lost job was acknowledged by a primary that was just being replaced."""
    events = environment.events()
    acked = {event.job_id: event.mono_ns for event in events if event.what == ACKED}
    results = await environment.read_results(acked)
    lost = [acked[job_id] for job_id, result in results.items() if result is None]
    faults = [event for event in events if event.what == FAULT]
    heals = [next(event for event in events if event.what == HEAL and event.mono_ns >= each.mono_ns) for each in faults]
    spans = [
        (fault.mono_ns - LAG_S * 1e9, heal.mono_ns + UNAWARE_S * 1e9) for fault, heal in zip(faults, heals, strict=True)
    ]
    counts = [sum(begin <= ns <= end for ns in lost) for begin, end in spans]
    outcome.facts["lost_at"] = [f"{fault.note}: {count}" for fault, count in zip(faults, counts, strict=True)]
    outcome.check("LOST otherwise than at a failover", len(lost) - sum(counts), equals=0)
