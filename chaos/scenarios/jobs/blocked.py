"""T9: jobs that block the event loop, keep the interpreter busy, or hold the GIL for longer than the lease."""

from __future__ import annotations

from chaos.checks.checker import judge
from chaos.environment import Environment
from chaos.outcome import Outcome, check_basics


async def block(environment: Environment) -> Outcome:
    """A worker whose loop is blocked keeps its leases; one whose GIL is held loses them, but nothing else."""
    await environment.start_workers(workers=2, concurrency=5)
    count = environment.sized(ci=4, short=6, long=100)
    longest = {"shortest_ms": 1000, "longest_ms": 4000}
    await environment.enqueue(count=count, job="block_loop", prefix="block", **longest)
    await environment.enqueue(count=count // 2, job="burn", prefix="burn", **longest)
    settled = await environment.until_empty(120)
    kept = judge(environment.events())
    await environment.enqueue(count=2, job="hold_interpreter", prefix="hold", shortest_ms=5000, longest_ms=5000)
    outcome = await environment.settle()
    outcome.facts |= {"seconds_to_empty": round(settled, 1), "overlap_of_lock_holders": outcome.figures.overlap}
    outcome.facts["dup_of_lock_holders"] = outcome.figures.dup - kept.dup
    # Such a worker looks dead: its job runs elsewhere, and is dead after the third time.
    outcome.facts["dead_lock_holders"] = outcome.figures.dead
    outcome.figures.overlap, outcome.figures.dup, outcome.figures.dead = kept.overlap, kept.dup, 0
    outcome.figures.overlap_ids = kept.overlap_ids
    check_basics(outcome, environment.fleets, planned_deaths=0)
    return outcome
