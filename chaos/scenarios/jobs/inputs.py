"""T12, T13: malformed payloads, and jobs that kill their workers."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Final

import psutil

from chaos.checks.ledger import ACKED, FINISH
from chaos.environment import Environment
from chaos.faults.malformed import write_bad
from chaos.outcome import Outcome, check_basics
from chaos.processes.fleet import Fleet
from monarq.producer import named

MIB: Final = 1 << 20
LETHAL: Final = ("exit_process", "segfault", "killed_for_memory", "unpickle_bomb")
HARMLESS: Final = ("system_exit", "endless_recursion", "out_of_memory")
MAX_DEATHS: Final = 3


async def malformed(environment: Environment) -> Outcome:
    """Malformed jobs among the same number of good ones."""
    fleet = await environment.start_workers("--allow-pickle", "--keep-unknown", "0s")
    await environment.enqueue(count=200, prefix="before")
    before = await _until_ended_and_rss(environment, fleet)
    count = environment.sized(ci=200, short=1_000, long=5_000)
    good = await environment.start_enqueuer(count=count, per_second=250)
    bad = await write_bad(environment.queue, environment.redis.client, count, environment.rng)
    await good.wait()
    await environment.until_empty(60)
    growth = _rss(fleet) - before
    outcome = await environment.settle()
    letters = {job_id: await _error_of(environment, job_id) for job_id in bad}
    without = sorted({bad[job_id] for job_id, error in letters.items() if not error})
    outcome.facts |= {"malformed": len(bad), "growth_mib": round(growth / MIB, 1), "without_reason": without[:10]}
    # Only the function itself detects arguments of a wrong type.
    outcome.figures.phantom -= _count_runs(environment, [job_id.decode("utf-8", "backslashreplace") for job_id in bad])
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("bad jobs that are not dead with a reason", len(without), equals=0)
    outcome.check("growth of resident memory MiB", round(growth / MIB, 1), at_most=50)
    return outcome


async def poison(environment: Environment) -> Outcome:
    """Jobs that kill their workers in several ways, among good ones."""
    await environment.start_workers("--allow-pickle", target="chaos.jobs.poison")
    each = environment.sized(ci=1, short=3, long=15)
    good = await environment.start_enqueuer(count=environment.sized(ci=500, short=3_000, long=10_000), per_second=150)
    await environment.until_first_run()
    lethal = [f"{job}-{number}" for number in range(each) for job in LETHAL]
    harmless = [f"{job}-{number}" for number in range(each) for job in HARMLESS]
    async with environment.producer(codec="pickle", retry_for=30) as producer:
        for job_id in environment.rng.sample(lethal + harmless, len(lethal + harmless)):
            await producer.enqueue(named(job_id.partition("-")[0]).options(job_id=job_id), *_arguments(job_id))
    await good.wait()
    outcome = await environment.settle(120)
    errors = {job_id: await _error_of(environment, job_id.encode()) for job_id in lethal + harmless}
    outcome.figures.phantom -= _count_runs(environment, lethal + harmless)
    planned = MAX_DEATHS * len(lethal)
    outcome.facts |= {"poison": len(lethal), "harmless": len(harmless), "bound_of_deaths": planned}
    outcome.facts["reasons"] = dict(Counter((error or "none")[:70] for error in errors.values()).most_common(12))
    # Every death also hits good jobs in flight, so duplicates and crashes of these are expected.
    outcome.figures.dup_bound = outcome.deaths * 20
    check_basics(outcome, environment.fleets, planned_deaths=planned)
    outcome.check("poison that is not dead with a reason", sum(not error for error in errors.values()), equals=0)
    others = [job_id for job_id in harmless if "that ran it was lost" in (errors[job_id] or "")]
    outcome.check("harmless jobs that died of others", len(others), equals=0)
    finished = {event.job_id for event in environment.events(FINISH)}
    left_out = {event.job_id for event in environment.events(ACKED)} - finished
    outcome.check("good jobs that did not finish", len(left_out), equals=0)
    return outcome


def _arguments(job_id: str) -> tuple[object, ...]:
    if not job_id.startswith("unpickle_bomb"):
        return ()
    from chaos.jobs.poison import Bomb

    return (Bomb(),)


def _count_runs(environment: Environment, job_ids: list[str]) -> int:
    wanted = set(job_ids)
    return len({event.job_id for event in environment.events("start") if event.job_id in wanted})


async def _error_of(environment: Environment, job_id: bytes) -> str | None:
    """The reason in a job's dead letter; None if there is no dead letter."""
    letter = await environment.queue.read_dead_letter(environment.redis.client, job_id)
    if not letter:
        return None
    text = letter.decode("utf-8", "backslashreplace")
    return text.partition('"error":')[2][:200] or text[:200]


def _rss(fleet: Fleet) -> int:
    total = 0
    for pid in fleet.pids():
        with suppress(psutil.NoSuchProcess):
            total = max(total, psutil.Process(pid).memory_info().rss)
    return total


async def _until_ended_and_rss(environment: Environment, fleet: Fleet) -> int:
    await environment.until_empty(30)
    results = await environment.read_results(["before-0"])
    assert results["before-0"] is not None, "the first jobs have not run"
    return _rss(fleet)
