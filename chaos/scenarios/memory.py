"""T14: workers run out of memory: whatever anything in the process asks for is refused for a while."""

from __future__ import annotations

import asyncio
from typing import Final

from chaos.ledger import ACKED, START
from chaos.outcome import Outcome, check_basics
from chaos.residue import read_results
from chaos.stage import Stage
from monarq import Producer
from monarq.producer import named

EVERY_S: Final = 0.5
HOLD_MS: Final = 200
PLACES: Final = 20
MAX_DEATHS: Final = 3
"""A job that was lost so often with its worker is given up."""


async def starve(stage: Stage) -> Outcome:
    """A job takes all memory, every half second; a worker that dies of it, or lives on, loses no other job."""
    await stage.start_workers(target="chaos.memory_jobs", concurrency=PLACES)
    rounds = stage.sized(ci=10, short=30, long=100)
    good = await stage.start_enqueuer(count=round(rounds * EVERY_S * 100), per_second=100)
    await stage.until_first_run()
    hogs = [f"hog-{number}" for number in range(rounds)]
    async with Producer(stage.redis.url, retry_for=30) as producer:
        for job_id in hogs:
            await producer.enqueue(named("hog").options(job_id=job_id), HOLD_MS)
            await asyncio.sleep(EVERY_S)
    await good.wait()
    outcome = await stage.settle()
    acked = [event.job_id for event in stage.events(ACKED)]
    results = await read_results(stage.redis.client, acked + hogs)
    # A job that asked for memory and got none has failed by itself, and says so.
    failed = sum("MemoryError" in (results[job_id] or "") for job_id in acked)
    outcome.figures.dead -= failed
    outcome.figures.phantom -= len({event.job_id for event in stage.events(START)} & set(hogs))
    outcome.figures.dup_bound = outcome.deaths * PLACES
    outcome.facts |= {"hogs": rounds, "jobs_failed_for_memory": failed}
    check_basics(outcome, stage.fleets, planned_deaths=MAX_DEATHS * rounds)
    outcome.check("hogs without an end", sum(results[job_id] is None for job_id in hogs), equals=0)
    return outcome
