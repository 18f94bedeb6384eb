"""T14: workers run out of memory, in three ways; whoever takes it all harms no other job.

1. Whatever anything in the worker asks for is refused for a while (RLIMIT_AS).
2. A worker that takes too much is killed, as by the kernel; here the driver does it, as not every machine lets one.
3. A cpu job takes more than its limit, and its lane's guard kills its process.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Final

import psutil

from chaos.fleet import Fleet
from chaos.ledger import ACKED, KILL, START
from chaos.memory_jobs import LIMIT_BYTES
from chaos.outcome import Outcome, check_basics, check_recovery
from chaos.residue import read_results
from chaos.stage import LEASE_S, Stage, signal_process
from monarq import Producer
from monarq.producer import named

EVERY_S: Final = 1.0
KINDS: Final = ("starve", "grow", "grow_apart")
PLACES: Final = 20
MS: Final = 200
MAX_DEATHS: Final = 3


async def starve(stage: Stage) -> Outcome:
    """A job that takes all memory each second, among good ones."""
    fleet = await stage.start_workers(target="chaos.memory_jobs", concurrency=PLACES)
    rounds = stage.sized(ci=6, short=18, long=51)
    good = await stage.start_enqueuer(count=round(rounds * EVERY_S * 100), per_second=100)
    await stage.until_first_run()
    hogs = [f"{KINDS[number % len(KINDS)]}-{number}" for number in range(rounds)]
    killer = asyncio.create_task(_kill_the_large(stage, fleet))
    async with Producer(stage.redis.url, retry_for=30) as producer:
        for job_id in hogs:
            await producer.enqueue(named(job_id.partition("-")[0]).options(job_id=job_id), MS)
            await asyncio.sleep(EVERY_S)
    await good.wait()
    await stage.until_empty(60)
    killer.cancel()
    outcome = await stage.settle()
    acked = [event.job_id for event in stage.events(ACKED)]
    results = await read_results(stage.redis.client, acked + hogs)
    # A job that asked for memory and got none has failed by itself, and says so.
    refused = sum("MemoryError" in (results[job_id] or "") for job_id in acked)
    outcome.figures.dead -= refused
    outcome.figures.phantom -= len({event.job_id for event in stage.events(START)} & set(hogs))
    unkilled = max(0, outcome.deaths - len(stage.events(KILL)))
    outcome.figures.dup_bound += unkilled * PLACES
    outcome.facts |= {"hogs": rounds, "jobs_refused_memory": refused, "deaths_of_refusals": unkilled}
    # A worker whose own part is refused memory ends; the job that took it runs again, three times at the most.
    starved = sum(job_id.startswith("starve") for job_id in hogs)
    check_basics(outcome, stage.fleets, planned_deaths=outcome.figures.kills + MAX_DEATHS * starved)
    check_recovery(outcome, LEASE_S)
    outcome.check("hogs without an end", sum(results[job_id] is None for job_id in hogs), equals=0)
    grown = [results[job_id] or "" for job_id in hogs if job_id.startswith("grow")]
    outcome.facts["reasons"] = sorted({reason[:120] for reason in grown})
    outcome.check("growing jobs that are not dead", sum(not each.startswith("failed") for each in grown), equals=0)
    return outcome


async def _kill_the_large(stage: Stage, fleet: Fleet) -> None:
    """Kills workers that have more than the limit."""
    while True:
        await asyncio.sleep(0.02)
        for pid in fleet.pids():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if psutil.Process(pid).memory_info().rss > LIMIT_BYTES:
                    stage.ledger.note(KILL, pid=pid)
                    signal_process(pid, signal.SIGKILL)
