"""T35, T36, T37: everything pauses for longer than a lease, or Redis loses its last second."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Final

from chaos.checks.ledger import ACKED, FAULT, FINISH, HEAL, START, Event
from chaos.environment import LEASE_S, Environment, signal_process
from chaos.outcome import Outcome, check_basics
from chaos.processes.enqueuer import ENDLESS
from monarq.shared.formats.native.counters.counters import read_counters
from monarq.shared.formats.native.keys import NativeKeys

RESUME_S: Final = 2.0
FREEZES: Final = (1.3, 2.5)
"""In leases: one shorter and one longer than the timeout of a call to Redis."""


async def freeze_redis(environment: Environment) -> Outcome:
    """Redis is frozen repeatedly for longer than a lease; then every lease looks expired, although nobody has died."""
    for _ in range(2):
        await environment.start_workers(workers=1)
    rounds = environment.sized(ci=2, short=4, long=20)
    enqueuer = await environment.start_enqueuer(count=ENDLESS, per_second=150, longest_ms=500)
    await environment.until_first_run()
    for number in range(rounds):
        await asyncio.sleep(LEASE_S + 3)  # by now the workers watch each other again
        environment.ledger.note(FAULT, note="redis frozen")
        environment.redis.freeze()
        await asyncio.sleep(FREEZES[number % len(FREEZES)] * LEASE_S)
        environment.redis.thaw()
        environment.ledger.note(HEAL, note="redis thawed")
    await asyncio.sleep(2 * LEASE_S)
    enqueuer.terminate()
    await enqueuer.wait()
    outcome = await environment.settle()
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("jobs that finished twice", outcome.figures.dup, equals=0)
    outcome.check("crashes charged", await _crashes(environment), equals=0)
    outcome.check("resume max s", round(max(outcome.figures.resume, default=99.0), 2), at_most=RESUME_S)
    return outcome


async def freeze_alone(environment: Environment) -> Outcome:
    """The only worker is frozen past its leases; it then stops its jobs, which run again and count no crash."""
    fleet = await environment.start_workers(workers=1)
    rounds = environment.sized(ci=1, short=2, long=10)
    again_s = []
    for number in range(rounds):
        prefix = f"round{number}"
        await environment.enqueue(count=20, shortest_ms=1500, longest_ms=1500, prefix=prefix)
        await environment.until(lambda prefix=prefix: len(_started(environment, prefix)) == 20, 20)  # type: ignore[misc]
        [pid] = fleet.pids()
        environment.ledger.note(FAULT, pid=pid, note="worker frozen")
        signal_process(pid, signal.SIGSTOP)
        await asyncio.sleep(2 * LEASE_S)
        signal_process(pid, signal.SIGCONT)
        thawed_s = time.monotonic()
        await environment.until_empty(30)
        again_s.append(time.monotonic() - thawed_s)
    outcome = await environment.settle()
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("crashes charged", await _crashes(environment), equals=0)
    outcome.check("all ended after the thaw s", round(max(again_s), 2), at_most=LEASE_S + 2 + 1.5)
    return outcome


async def lose_last_second(environment: Environment) -> Outcome:
    """Redis is killed and loses what it acknowledged in its last second; everything before must still exist.

    Jobs enqueued in that second are gone; those that ended in it run again, even if the worker that holds one according
    to Redis no longer knows it.
    """
    for _ in range(2):
        await environment.start_workers(workers=1)
    enqueuer = await environment.start_enqueuer(count=ENDLESS, per_second=250, longest_ms=300)
    await environment.until_first_run()
    forgotten: list[tuple[int, int]] = []
    for _ in range(environment.sized(ci=2, short=5, long=20)):
        await asyncio.sleep(3)
        cut = environment.ledger.note(FAULT, note="what follows is lost")
        written = environment.redis.written_bytes()
        await asyncio.sleep(1)
        await environment.redis.kill()
        environment.ledger.note(FAULT, note="redis killed")
        environment.redis.forget_after(written)
        await environment.redis.start()
        forgotten.append((cut.mono_ns, environment.ledger.note(HEAL, note="redis answers").mono_ns))
    await asyncio.sleep(2)
    enqueuer.terminate()
    await enqueuer.wait()
    outcome = await environment.settle()
    gone = {event.job_id for event in environment.events(ACKED) if _is_within(event, forgotten)}
    results = await environment.read_results(event.job_id for event in environment.events(ACKED))
    lost = {job_id for job_id, result in results.items() if result is None}
    figures = outcome.figures
    outcome.facts |= {"forgotten_seconds": len(forgotten), "lost_with_redis": len(lost & gone)}
    figures.lost, figures.lost_ids = len(lost - gone), sorted(lost - gone)[:10]
    # A lost claim is made again, perhaps by another worker, while the job runs.
    outcome.facts["overlap_of_forgotten_claims"] = figures.overlap
    outcome.check("overlaps that no forgotten claim explains", _unexplained(environment, forgotten), equals=0)
    figures.overlap, figures.overlap_ids = 0, []
    figures.stale = 0  # if an end was lost, an earlier run may have written the result
    figures.dup_bound += sum(_is_within(event, forgotten) for event in environment.events(FINISH))
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("left in the queue", outcome.facts["left_in_queue"], equals=0)
    outcome.check("resume max s", round(max(figures.resume, default=99.0), 2), at_most=RESUME_S)
    return outcome


def _is_within(event: Event, spans: list[tuple[int, int]], before_ns: int = 0) -> bool:
    return any(began - before_ns <= event.mono_ns <= ended for began, ended in spans)


def _unexplained(environment: Environment, forgotten: list[tuple[int, int]]) -> int:
    """How many overlapping runs began outside the time that Redis lost; a claim is a moment before the start."""
    running: dict[str, Event] = {}
    count = 0
    for event in environment.events():
        if event.what == START:
            earlier = running.get(event.job_id)
            count += earlier is not None and not _is_within(earlier, forgotten, before_ns=0)
            running[event.job_id] = event
        elif event.run and event.job_id in running and running[event.job_id].run == event.run:
            del running[event.job_id]
    return count


def _started(environment: Environment, prefix: str) -> set[str]:
    return {event.job_id for event in environment.events(START) if event.job_id.startswith(f"{prefix}-")}


async def _crashes(environment: Environment) -> int:
    counters = await read_counters(environment.client, NativeKeys.of(environment.queue.ref.name), 0)
    return counters.queue.get("crashed", 0)
