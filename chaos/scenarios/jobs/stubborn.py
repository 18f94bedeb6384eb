"""T29: jobs that swallow their cancellation, shield work from it, raise it themselves, or nest tasks that ignore it."""

from __future__ import annotations

import asyncio
from typing import Final

from chaos.checks.ledger import FINISH, START
from chaos.environment import GRACE_S, Environment
from chaos.jobs.stubborn import TIMEOUT_S
from chaos.outcome import Outcome, check_basics
from monarq.producer import named

KINDS: Final = ("swallow", "shield", "cancel_itself", "nest")
LASTS_MS: Final = 3_000
PLACES: Final = 40
"""Two workers with twenty places each."""


async def cancel(environment: Environment) -> Outcome:
    """Each job has one run at a time, frees its place when it ends, and does not delay the stop of its worker."""
    fleet = await environment.start_workers(target="chaos.jobs.stubborn")
    each = environment.sized(ci=5, short=12, long=50)
    stubborn = [f"{kind}-{number}" for number in range(each) for kind in KINDS]
    good = await environment.start_enqueuer(count=each * 40, per_second=200)
    await environment.until_first_run()
    async with environment.producer() as producer:
        for job_id in environment.rng.sample(stubborn, len(stubborn)):
            await producer.enqueue(named(job_id.partition("-")[0]).options(job_id=job_id), LASTS_MS)
    await good.wait()
    await environment.until_empty(60)
    together_s = await _fill_all_places(environment)
    results = await environment.read_results(stubborn)
    again, handed_s = await _stop_among_them(environment)
    outcome = await environment.settle()
    outcome.figures.phantom -= len({event.job_id for event in environment.events(START) if _is_stubborn(event.job_id)})
    # A job that ignores the end of its process dies with it, and runs again as after a crash.
    outcome.figures.dup_bound = again
    outcome.facts |= {"stubborn": len(stubborn), "handed_back": again, "results": _counters(results)}
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("stubborn jobs without an end", sum(each is None for each in results.values()), equals=0)
    outcome.check("longest run of a stubborn job s", _longest_run_s(environment), at_most=LASTS_MS / 1000 + TIMEOUT_S)
    outcome.check("places that are free again", together_s is not None, equals=True)
    outcome.check("stop with stubborn jobs s", round(fleet.stop_seconds, 2), at_most=GRACE_S + 3)
    outcome.check("stubborn jobs run again s", round(handed_s, 2), at_most=2)
    return outcome


async def _fill_all_places(environment: Environment) -> float | None:
    """Runs as many jobs at once as there are places; None if they do not all run because a place is still taken."""
    await environment.enqueue(count=PLACES, prefix="place", shortest_ms=4_000, longest_ms=4_000)

    def all_run() -> bool:
        runs = [event for event in environment.events() if event.job_id.startswith("place-")]
        ended = sum(event.what == FINISH for event in runs)
        return sum(event.what == START for event in runs) - ended == PLACES

    try:
        return await environment.until(all_run, 3.5)
    except TimeoutError:
        return None
    finally:
        await environment.until_empty(10)


async def _stop_among_them(environment: Environment) -> tuple[int, float]:
    """Stops a pool whose jobs ignore cancellation; returns how many there were, and when all had run elsewhere."""
    count = 10
    async with environment.producer() as producer:
        for number in range(count):
            await producer.enqueue(named("nest").options(job_id=f"nest-last-{number}"), 20_000)
    await environment.until(lambda: _starts_of_last(environment) == count, 10)
    await asyncio.sleep(TIMEOUT_S)
    await environment.start_workers(target="chaos.jobs.stubborn")
    await environment.fleets[0].stop()
    return count, await environment.until(lambda: _starts_of_last(environment) == 2 * count, 20)


def _starts_of_last(environment: Environment) -> int:
    return sum(event.job_id.startswith("nest-last") for event in environment.events(START))


def _is_stubborn(job_id: str) -> bool:
    return job_id.split("-", maxsplit=1)[0] in KINDS


def _longest_run_s(environment: Environment) -> float:
    began: dict[str, int] = {}
    longest_ns = 0
    for event in environment.events():
        if not _is_stubborn(event.job_id) or "last" in event.job_id:
            continue
        if event.what == START:
            began[event.run] = event.mono_ns
        elif event.run in began:
            longest_ns = max(longest_ns, event.mono_ns - began[event.run])
    return round(longest_ns / 1e9, 2)


def _counters(results: dict[str, str | None]) -> dict[str, int]:
    """How many jobs of each kind ended in each way."""
    found: dict[str, int] = {}
    for job_id, result in results.items():
        way = "no result" if result is None else "failed" if result.startswith("failed: ") else "done"
        name = f"{job_id.split('-')[0]} {way}"
        found[name] = found.get(name, 0) + 1
    return found
