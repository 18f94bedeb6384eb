"""T8, T34: workers are frozen (SIGSTOP) past their leases, and thawed after their jobs have ended elsewhere.

What they then report must change nothing: the ids have been reused for new jobs, which wait, run or have ended, or the
old run asks for a retry.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Final

from chaos.checks.checker import percentile
from chaos.checks.ledger import ACKED, FAULT, FINISH, KILL, SILENT, START, Event
from chaos.environment import LEASE_S, Environment, signal_process
from chaos.outcome import Outcome, check_basics
from chaos.processes.enqueuer import ENDLESS
from monarq import Producer
from monarq.producer import named

SECOND: Final = "generation=2"
AT_ONCE: Final = 50
RUN_MS: Final = 1500
"""The duration of the first runs, which are frozen in the middle, in ms."""


async def freeze(environment: Environment) -> Outcome:
    """Rounds of fifty jobs each."""
    workers = environment.sized(ci=1, short=1, long=10)
    fleet = await environment.start_workers(workers=workers, concurrency=AT_ONCE // workers)
    await environment.until(lambda: fleet.ready() >= workers, 120)  # none may end jobs before the last has any
    rounds = environment.sized(ci=1, short=4, long=20)
    refused = 0
    states: tuple[Callable[[Environment, list[str]], Awaitable[None]], ...] = (_wait, _run, _ended, _wait_with_retry)
    codec: Any = "pickle" if environment.control else "msgpack"
    async with environment.producer(codec=codec, retry_for=30) as producer:
        for number in range(rounds):
            job_ids = [f"round-{number}-{at}" for at in range(AT_ONCE)]
            refused += await _play_round(environment, producer, job_ids, states[number % len(states)])
    outcome = await environment.settle()
    outcome.facts["frozen_workers"] = rounds * workers
    _check(environment, outcome, rounds * AT_ONCE, refused)
    return outcome


async def _play_round(
    environment: Environment,
    producer: Producer,
    job_ids: list[str],
    state: Callable[[Environment, list[str]], Awaitable[None]],
) -> int:
    """Plays a round; returns how many stale runs the thawed workers have abandoned."""
    frozen = environment.fleets[0]
    job = "retry_generation" if state is _wait_with_retry else "generation"
    for job_id in job_ids:
        await producer.enqueue(named(job).options(job_id=job_id), RUN_MS, 1)
    await environment.until(lambda: _started(environment, job_ids, 1) == len(job_ids), 30)
    await asyncio.sleep(0.5)
    pids = set(frozen.pids())
    for pid in pids:
        signal_process(pid, signal.SIGSTOP)
    other = await environment.start_workers(workers=1, concurrency=AT_ONCE)
    await environment.until(lambda: _ended_once(environment, job_ids, pids), 60 if environment.control else 8 * LEASE_S)
    await _until_recorded(environment, job_ids)
    await environment.queue.forget_results(environment.redis.client, job_ids)
    for job_id in job_ids:
        delay_s = 3.0 if state in (_wait, _wait_with_retry) else 0.0
        new = await producer.enqueue(named("generation").options(job_id=job_id, defer_by=delay_s), RUN_MS, 2)
        environment.ledger.note(SILENT if new.existed else ACKED, job_id)
    await state(environment, job_ids)
    for pid in pids:
        signal_process(pid, signal.SIGCONT)
    await environment.until(lambda: _thawed_count(environment, job_ids, pids) == len(job_ids), 20)
    await asyncio.sleep(1)
    await environment.until(lambda: _finished(environment, job_ids, 2) == len(job_ids), 30)
    await other.stop()
    return _thawed_count(environment, job_ids, pids)


async def _until_recorded(environment: Environment, job_ids: list[str]) -> None:
    """Waits until Redis has the ends of the first runs: the ledger has them earlier."""
    async with asyncio.timeout(30):
        while None in (await environment.read_results(job_ids)).values():
            await asyncio.sleep(0.05)


async def _wait(environment: Environment, job_ids: list[str]) -> None:
    """The new jobs are deferred when the old runs end."""


async def _wait_with_retry(environment: Environment, job_ids: list[str]) -> None:
    """The same, and the old runs ask for a retry."""


async def _run(environment: Environment, job_ids: list[str]) -> None:
    """The new jobs run when the old runs end."""
    await environment.until(lambda: _started(environment, job_ids, 2) == len(job_ids), 20)


async def _ended(environment: Environment, job_ids: list[str]) -> None:
    """The new jobs have ended when the old runs end."""
    await environment.until(lambda: _finished(environment, job_ids, 2) == len(job_ids), 20)


def _runs(environment: Environment, job_ids: list[str], what: str, number: int) -> set[str]:
    wanted = set(job_ids)
    note = f"generation={number}"
    return {event.job_id for event in environment.events(what) if event.job_id in wanted and note in event.note}


def _started(environment: Environment, job_ids: list[str], number: int) -> int:
    return len(_runs(environment, job_ids, START, number))


def _finished(environment: Environment, job_ids: list[str], number: int) -> int:
    return len(_runs(environment, job_ids, FINISH, number))


def _ended_once(environment: Environment, job_ids: list[str], frozen: set[int]) -> bool:
    """Whether other workers have ended all of them."""
    wanted = set(job_ids)
    found = {e.job_id for e in environment.events(FINISH) if e.job_id in wanted and e.pid not in frozen}
    return found == wanted


def _thawed_count(environment: Environment, job_ids: list[str], thawed: set[int]) -> int:
    """How many of the thawed workers' first runs have ended in any way."""
    wanted = set(job_ids)
    mine = [e for e in environment.events() if e.job_id in wanted and e.pid in thawed and "generation=1" in e.note]
    return len({event.job_id for event in mine if event.what != START})


async def freeze_beside(environment: Environment) -> Outcome:
    """One of two workers is frozen repeatedly, and the other takes its jobs as soon as their leases expire."""
    frozen = await environment.start_workers(workers=1)
    await environment.start_workers(workers=1, concurrency=2 * AT_ONCE)
    enqueuer = await environment.start_enqueuer(count=ENDLESS, per_second=40, longest_ms=1000)
    await environment.until(lambda: len({event.pid for event in environment.events(START)}) == 2, 30)
    recovery: list[float] = []
    for _ in range(environment.sized(ci=1, short=3, long=20)):
        await asyncio.sleep(2)
        [pid] = frozen.pids()
        fault = environment.ledger.note(FAULT, pid=pid, note="worker frozen")
        signal_process(pid, signal.SIGSTOP)
        await asyncio.sleep(2 * LEASE_S + 2)
        recovery += _recoveries(environment, fault)
        signal_process(pid, signal.SIGCONT)
    await asyncio.sleep(LEASE_S)
    enqueuer.terminate()
    await enqueuer.wait()
    outcome = await environment.settle()
    # After the thaw, the frozen run goes on for a moment before its worker stops it.
    outcome.facts["overlap_of_frozen_runs"] = outcome.figures.overlap
    outcome.figures.overlap, outcome.figures.overlap_ids = 0, []
    outcome.figures.recovery = recovery
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("jobs that were recovered", len(recovery) > 0, equals=True)
    outcome.check("RECOVERY p99 s", round(percentile(recovery, 0.99), 2), at_most=LEASE_S + 2)
    return outcome


def _recoveries(environment: Environment, fault: Event) -> list[float]:
    """The times from a worker's freeze to the next run of each job that it was running."""
    running: dict[str, Event] = {}
    found = []
    for event in environment.events():
        if event.pid == fault.pid and event.mono_ns < fault.mono_ns and event.run:
            if event.what == START:
                running[event.job_id] = event
            else:
                running.pop(event.job_id, None)
        elif event.what == START and event.mono_ns > fault.mono_ns and event.job_id in running:
            del running[event.job_id]
            found.append((event.mono_ns - fault.mono_ns) / 1e9)
    return [*found, *(99.0 for _ in running)]


def _check(environment: Environment, outcome: Outcome, total: int, thawed: int) -> None:
    figures = outcome.figures
    outcome.facts["stale_runs"] = thawed
    finished = [event.job_id for event in environment.events(FINISH) if SECOND in event.note]
    outcome.check("stale runs that ended after their lease", thawed, equals=total)
    outcome.check("new jobs that ran", len(set(finished)), equals=total)
    outcome.check("new jobs that ran twice", len(finished) - len(set(finished)), equals=0)
    outcome.check("silent enqueues", figures.silent, equals=0)
    outcome.check("LOST", figures.lost, equals=0)
    outcome.check("STALE-WRITE", figures.stale, equals=0)
    outcome.check("DEAD", figures.dead, equals=0)
    outcome.check("KEYLEAK", outcome.facts["key_leaks"], equals=0)
    outcome.check("worker deaths", outcome.deaths - len(environment.events(KILL)), equals=0)
    figures.overlap_ids = []
    # The first job of each id may run twice, as a frozen worker looks dead. The second one is a different job.
    figures.dup -= len(set(finished))
    figures.dup_bound = total
    outcome.check("DUP", figures.dup, at_most=total)
