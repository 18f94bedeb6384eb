"""T3, T24, T30: scenarios that take long, or matter only before a release."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from chaos.checks.ledger import ACKED, FINISH, START
from chaos.environment import FORBEARING, Environment
from chaos.faults.malformed import packed
from chaos.jobs.crons import PREFIX as CRON
from chaos.outcome import Outcome, check_basics
from chaos.processes.fleet import Fleet, MonarqFleet
from chaos.scenarios.processes.kills import kill_workers_and_redis
from chaos.scenarios.redis.cuts import count_ticks, until_ticks_caught_up
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE

SOAK_VARIABLE: Final = "CHAOS_SOAK_S"
HEAD: Final = 10_000
MIB: Final = 1 << 20


async def fsync_always(environment: Environment) -> Outcome:
    """T2 on a Redis that syncs to disk before it replies."""
    await environment.redis.client.config_set("appendfsync", "always")
    outcome = await kill_workers_and_redis(environment)
    events = environment.events(FINISH)
    seconds = (events[-1].mono_ns - events[0].mono_ns) / 1e9
    outcome.facts["jobs_per_second"] = round(len(events) / seconds)
    return outcome


async def head_of_line(environment: Environment) -> Outcome:
    """Ten thousand jobs that an arq worker seems to run are queued before a hundred free ones."""
    redis = environment.redis.client
    pipe = redis.pipeline(transaction=False)
    for number in range(HEAD):
        pipe.set(names.job(f"held-{number}"), packed())
        pipe.set(names.in_progress(f"held-{number}"), "1", ex=600)
        pipe.zadd(DEFAULT_QUEUE, {f"held-{number}": 1_700_000_000_000})
    await pipe.execute()
    await environment.start_workers(workers=1)
    await environment.enqueue(count=1, prefix="first")
    await environment.until_first_run()
    began_s = time.monotonic()
    await environment.enqueue(count=100, prefix="free")
    await environment.until(lambda: len(environment.events(FINISH)) == 101, 30)
    seconds = time.monotonic() - began_s
    waits = _waits_of_free(environment)
    await redis.delete(DEFAULT_QUEUE, *[name for n in range(HEAD) for name in _keys_of(f"held-{n}")])
    outcome = await environment.settle()
    outcome.facts["seconds_for_all"] = round(seconds, 2)
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.facts["longest_wait_s"] = round(max(waits), 2)
    outcome.check("wait of the first free job s", round(min(waits), 2), at_most=1)
    return outcome


async def soak(environment: Environment) -> Outcome:
    """Kills, crons and payloads of up to 1 MB for as long as CHAOS_SOAK_S says, two hours by default.

    The processes that are not killed must not grow: the supervisors, and the worker of a second pool.
    """
    seconds = float(os.environ.get(SOAK_VARIABLE, "7200"))
    killed = await environment.start_workers(*FORBEARING, target="chaos.jobs.crons")
    steady = await environment.start_workers(target="chaos.jobs.crons", workers=1)
    enqueuer = await environment.start_enqueuer(count=round(seconds * 250), per_second=250)
    laden = await environment.start_enqueuer(
        count=round(seconds * 5), per_second=5, job="carry", prefix="laden", largest_bytes=MIB
    )
    await environment.until_first_run()
    await asyncio.sleep(min(60.0, seconds / 4))
    before = [_resources(fleet) for fleet in (killed, steady)]
    faults = 0

    async def fault() -> None:
        nonlocal faults
        faults += 1
        if faults % 10:
            environment.kill_worker(killed)
        else:
            await environment.restart_redis()

    await environment.while_running(enqueuer, min(30.0, seconds / 20), fault)
    await laden.wait()
    await until_ticks_caught_up(environment)
    after = [_resources(fleet) for fleet in (killed, steady)]
    outcome = await environment.settle(endless=CRON)
    outcome.figures.phantom -= count_ticks(environment)
    check_basics(outcome, environment.fleets)
    _check_growth(outcome, before, after, seconds / 3600)
    return outcome


def _check_growth(outcome: Outcome, before: list[Resources], after: list[Resources], hours: float) -> None:
    """Allows 1 MiB per hour, and 1 for noise; the worker holds up to twenty payloads of up to 1 MiB."""
    pairs = list(zip(before, after, strict=True))
    supervisors = max(new.supervisor_bytes - old.supervisor_bytes for old, new in pairs) / MIB
    worker = (after[1].worker_bytes - before[1].worker_bytes) / MIB
    outcome.check("growth of a supervisor MiB", round(supervisors, 2), at_most=1 + hours)
    outcome.check("growth of a worker MiB", round(worker, 2), at_most=20 + hours)
    outcome.check("growth of open files", max(new.files - old.files for old, new in pairs), at_most=4)


def _keys_of(job_id: str) -> tuple[str, str]:
    return names.job(job_id), names.in_progress(job_id)


def _waits_of_free(environment: Environment) -> list[float]:
    acked = {event.job_id: event.mono_ns for event in environment.events(ACKED) if event.job_id.startswith("free")}
    return [(event.mono_ns - acked[event.job_id]) / 1e9 for event in environment.events(START) if event.job_id in acked]


@dataclass(frozen=True, slots=True)
class Resources:
    """The memory of a pool's supervisor and of its first worker, and the supervisor's open files."""

    supervisor_bytes: int
    worker_bytes: int
    files: int


def _resources(fleet: Fleet) -> Resources:
    if not isinstance(fleet, MonarqFleet):
        return Resources(0, 0, 0)
    supervisor = psutil.Process(fleet.supervisor)
    worker_bytes = 0
    with suppress(psutil.NoSuchProcess, IndexError):
        worker_bytes = psutil.Process(fleet.pids()[0]).memory_info().rss
    return Resources(supervisor.memory_info().rss, worker_bytes, supervisor.num_fds())
