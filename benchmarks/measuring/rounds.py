"""The rounds of a run: each peer's cases in turn; one that fails is reported and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.measuring import measures
from benchmarks.measuring.case import open_case
from benchmarks.measuring.measures import Effort, Row
from benchmarks.measuring.meter import Meter
from benchmarks.running.environments import Environment
from benchmarks.running.processes import BrokenError

IO_CONCURRENCY = 1000


@dataclass(frozen=True, slots=True)
class Taken:
    """A row with its origin."""

    round: int
    peer: str
    row: Row


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        environments: the peers.
        rounds: how many rounds.
        effort: how long to measure.
        cores: workers of the larger pool.
        report: gets a line for each step.
        failed: peers and cases that could not be measured.
    """

    environments: Sequence[Environment]
    rounds: int
    effort: Effort
    cores: int
    report: Callable[[str], None]
    failed: list[tuple[str, str]] = field(default_factory=list)


def run(plan: Plan, urls: Mapping[str, str], meter: Meter) -> Iterator[Taken]:
    """Runs the plan: the peers take turns in each round, and each round begins with the next peer."""
    for number in range(plan.rounds):
        turn = number % len(plan.environments)
        for environment in [*plan.environments[turn:], *plan.environments[:turn]]:
            name = environment.peer.name
            for case_name, case in CASES.items():
                plan.report(f"round {number + 1}/{plan.rounds}: {name}: {case_name}")
                try:
                    for row in case(plan, environment, urls[environment.peer.server], meter):
                        yield Taken(number, name, row)
                except BrokenError as error:
                    plan.failed.append((name, case_name))
                    plan.report(f"{name}: {case_name} is left out of this round: {error}")


def _one_worker(plan: Plan, environment: Environment, url: str, meter: Meter) -> Iterator[Row]:
    with open_case(environment, url, meter, processes=1) as case:
        yield from measures.idle(case, plan.effort)
        yield from measures.lone_jobs(case, plan.effort)
        count = measures.backlog(case, plan.effort)
        rate = 0.0
        for row in measures.no_op(case, count):
            rate = rate or row.value
            yield row
        yield from measures.one_by_one(case, min(count, 4000))
        yield from measures.payloads(case, count)
        yield from measures.half_load(case, plan.effort, rate)
        yield from measures.cpu_jobs(case, plan.effort)


def _all_cores(plan: Plan, environment: Environment, url: str, meter: Meter) -> Iterator[Row]:
    with open_case(environment, url, meter, processes=plan.cores) as case:
        yield from measures.no_op(case, measures.backlog(case, plan.effort))
        yield from measures.cpu_jobs(case, plan.effort)
        yield from measures.both(case, plan.effort)


def _io(plan: Plan, environment: Environment, url: str, meter: Meter) -> Iterator[Row]:
    with open_case(environment, url, meter, processes=1, concurrency=IO_CONCURRENCY) as case:
        yield from measures.io_jobs(case, plan.effort, IO_CONCURRENCY)


CASES = {"one worker": _one_worker, "a worker for each core": _all_cores, "io jobs": _io}
