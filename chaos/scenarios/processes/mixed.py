"""T31: half of the workers and half of the clients are stock arq's, and workers of both are killed."""

from __future__ import annotations

import asyncio

from chaos.checks.ledger import START
from chaos.environment import FORBEARING, Environment
from chaos.outcome import Outcome, check_basics
from chaos.processes.fleet import ArqFleet

ARQ_TIMEOUT_S = 2.0
"""Shortens the time for which arq holds a dead worker's jobs: this plus 10 s."""

CONCURRENCY = 4
"""For monarq's workers: with more, they leave nothing for arq's, which poll ten times a second."""

LONGEST_MS = 100


async def mix(environment: Environment) -> Outcome:
    """A monarq pool and two arq workers, an enqueuer of each kind, and a kill each second."""
    ours = await environment.start_workers("--allow-pickle", *FORBEARING, concurrency=CONCURRENCY)
    theirs = ArqFleet(
        environment.redis.url, environment.directory, environment.ledger_directory, workers=2, timeout_s=ARQ_TIMEOUT_S
    )
    environment.fleets.append(theirs)
    await theirs.start()
    count = environment.sized(ci=1_500, short=4_000, long=10_000)
    enqueuers = [
        await environment.start_enqueuer(
            count=count, per_second=200, client="monarq", codec="pickle", prefix="ours", longest_ms=LONGEST_MS
        ),
        await environment.start_enqueuer(
            count=count, per_second=200, client="arq", prefix="theirs", longest_ms=LONGEST_MS
        ),
    ]
    await environment.until_first_run()

    async def kill() -> None:
        environment.kill_worker(environment.rng.choice(environment.fleets))

    await environment.while_running(enqueuers[0], 1.0, kill)
    await asyncio.gather(*(enqueuer.wait() for enqueuer in enqueuers))
    outcome = await environment.settle(90)
    sides = [event.note.split()[0] for event in environment.events(START)]
    outcome.facts |= {
        "runs_by_monarq": sides.count("monarq"),
        "runs_by_arq": sides.count("arq"),
        "duplicates_by_side": outcome.figures.sides,
        "deaths_of_monarq": ours.deaths(),
        "deaths_of_arq": theirs.deaths(),
    }
    check_basics(outcome, environment.fleets)
    outcome.check("duplicates attributed", sum(outcome.figures.sides.values()), equals=outcome.figures.dup)
    outcome.check("both sides ran jobs", min(sides.count("monarq"), sides.count("arq")) > 0, equals=True)
    return outcome
