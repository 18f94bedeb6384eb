"""T14: workers are killed for taking too much memory; jobs that take it harm no other job.

1. A job grows in the worker itself, which is then killed: by the driver instead of the kernel, as not every machine
   allows a limit to be set.
2. A cpu job exceeds its limit, and its lane's guard kills only its process.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Final

import psutil

from chaos.checks.ledger import KILL, START
from chaos.environment import LEASE_S, Environment, signal_process
from chaos.jobs.memory import LIMIT_BYTES
from chaos.outcome import Outcome, check_basics, check_recovery
from chaos.processes.fleet import Fleet
from monarq.producer import named

EVERY_S: Final = 1.0
KINDS: Final = ("grow", "grow_apart")
PLACES: Final = 20
MS: Final = 200


async def overfill(environment: Environment) -> Outcome:
    """Each second, a job takes all memory, among good jobs."""
    fleet = await environment.start_workers(workers=4, target="chaos.jobs.memory", concurrency=PLACES)
    rounds = environment.sized(ci=4, short=16, long=50)
    good = await environment.start_enqueuer(count=round(rounds * EVERY_S * 100), per_second=100)
    start_s = await environment.until_first_run()
    hogs = [f"{KINDS[number % len(KINDS)]}-{number}" for number in range(rounds)]
    killer = asyncio.create_task(_kill_the_large(environment, fleet))
    async with environment.producer(retry_for=30) as producer:
        for job_id in hogs:
            await producer.enqueue(named(job_id.partition("-")[0]).options(job_id=job_id), MS)
            await asyncio.sleep(EVERY_S)
    await good.wait()
    await environment.until_empty(60)
    killer.cancel()
    outcome = await environment.settle()
    results = await environment.read_results(hogs)
    outcome.figures.phantom -= len({event.job_id for event in environment.events(START)} & set(hogs))
    outcome.facts["hogs"] = rounds
    check_basics(outcome, environment.fleets)
    check_recovery(outcome, LEASE_S, start_s)
    alive = sum(not (results[job_id] or "").startswith("failed: ") for job_id in hogs)
    outcome.check("growing jobs that are not dead", alive, equals=0)
    return outcome


async def _kill_the_large(environment: Environment, fleet: Fleet) -> None:
    """Kills workers above the limit."""
    while True:
        await asyncio.sleep(0.02)
        for pid in fleet.pids():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if psutil.Process(pid).memory_info().rss > LIMIT_BYTES:
                    environment.ledger.note(KILL, pid=pid)
                    signal_process(pid, signal.SIGKILL)
