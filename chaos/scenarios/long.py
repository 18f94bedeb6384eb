"""T3, T24, T30: what takes long, or is of interest before a release only."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import Final

import psutil

from chaos.fleet import Fleet, MonarqFleet
from chaos.ledger import FINISH, START
from chaos.malformed import packed
from chaos.outcome import Outcome, check_basics
from chaos.scenarios.kills import kill_workers_and_redis
from chaos.stage import Stage
from monarq.shared import keys as names
from monarq.shared.keys import DEFAULT_QUEUE

SOAK_VARIABLE: Final = "CHAOS_SOAK_S"
HEAD: Final = 10_000
MIB: Final = 1 << 20


async def fsync_always(stage: Stage) -> Outcome:
    """T2 on a Redis that writes to disk before it answers."""
    await stage.redis.client.config_set("appendfsync", "always")
    outcome = await kill_workers_and_redis(stage)
    events = stage.events(FINISH)
    seconds = (events[-1].mono_ns - events[0].mono_ns) / 1e9
    outcome.facts["jobs_per_second"] = round(len(events) / seconds)
    return outcome


async def head_of_line(stage: Stage) -> Outcome:
    """Ten thousand jobs that an arq worker seems to run stand before a hundred that are free."""
    redis = stage.redis.client
    pipe = redis.pipeline(transaction=False)
    for number in range(HEAD):
        pipe.set(names.job(f"held-{number}"), packed())
        pipe.set(names.in_progress(f"held-{number}"), "1", ex=600)
        pipe.zadd(DEFAULT_QUEUE, {f"held-{number}": 1_700_000_000_000})
    await pipe.execute()
    await stage.start_workers(workers=1)
    await stage.enqueue(count=1, prefix="first")
    await stage.until_first_run()
    began_s = time.monotonic()
    await stage.enqueue(count=100, prefix="free")
    await stage.until(lambda: len(stage.events(FINISH)) == 101, 30)
    seconds = time.monotonic() - began_s
    waits = _waits(stage)
    await redis.delete(DEFAULT_QUEUE, *[name for n in range(HEAD) for name in _keys_of(f"held-{n}")])
    outcome = await stage.settle()
    outcome.facts["seconds_for_all"] = round(seconds, 2)
    check_basics(outcome, stage.fleets, planned_deaths=0)
    outcome.facts["longest_wait_s"] = round(max(waits), 2)
    outcome.check("wait of the first free job s", round(min(waits), 2), at_most=1)
    return outcome


async def soak(stage: Stage) -> Outcome:
    """Kills now and then for as long as CHAOS_SOAK_S says, two hours by default; memory and files must not grow."""
    seconds = float(os.environ.get(SOAK_VARIABLE, "7200"))
    fleet = await stage.start_workers()
    enqueuer = await stage.start_enqueuer(count=round(seconds * 300), per_second=300)
    await stage.until_first_run()
    await asyncio.sleep(min(60.0, seconds / 4))
    memory_before, files_before = _resources(fleet)
    beats = 0

    async def fault() -> None:
        nonlocal beats
        beats += 1
        if beats % 10:
            stage.kill_worker(fleet)
        else:
            await stage.restart_redis()

    await stage.while_running(enqueuer, 30.0, fault)
    memory_after, files_after = _resources(fleet)
    outcome = await stage.settle()
    check_basics(outcome, stage.fleets)
    growth = (memory_after - memory_before) / MIB
    outcome.facts |= {"supervisor_growth_mib": round(growth, 2), "files": [files_before, files_after]}
    outcome.check("growth of the supervisor MiB an hour", round(growth * 3600 / seconds, 2), at_most=1)
    outcome.check("growth of its open files", files_after - files_before, at_most=2)
    return outcome


def _keys_of(job_id: str) -> tuple[str, str]:
    return names.job(job_id), names.in_progress(job_id)


def _waits(stage: Stage) -> list[float]:
    acked = {event.job_id: event.mono_ns for event in stage.events("enqueue-ack")}
    return [(event.mono_ns - acked[event.job_id]) / 1e9 for event in stage.events(START) if event.job_id in acked]


def _resources(fleet: Fleet) -> tuple[int, int]:
    """Resident bytes and open files of the supervisor, which lives as long as the scenario."""
    if isinstance(fleet, MonarqFleet):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(fleet.supervisor)
            return process.memory_info().rss, process.num_fds()
    return 0, 0
