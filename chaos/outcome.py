"""The outcome of a scenario, and the limits that it must keep to pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chaos.checks.checker import Figures, percentile
from chaos.processes.fleet import Fleet
from monarq.shared.protocol.queue_ref import Format


@dataclass(frozen=True, slots=True)
class Check:
    """A pass figure: what it is called, what it was, what it had to be, and whether it was."""

    name: str
    value: object
    wanted: str
    passed: bool


@dataclass(slots=True)
class Outcome:
    """The outcome of a scenario.

    Attributes:
        name: T1, say.
        title: what it does, in a few words.
        figures: what the checker counted.
        checks: the pass figures.
        deaths: workers that ended otherwise than in order.
        seconds: how long it took.
        facts: whatever else is worth a column of the JSON row.
        leaks: some of the keys that were left.
        queue_format: the format of its queue.
    """

    name: str
    title: str
    figures: Figures
    checks: list[Check] = field(default_factory=list)
    deaths: int = 0
    seconds: float = 0.0
    facts: dict[str, object] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    queue_format: Format = "native"

    @property
    def passed(self) -> bool:
        """Whether every pass figure was reached."""
        return all(check.passed for check in self.checks)

    def check(self, name: str, value: Any, *, at_most: float | None = None, equals: object = None) -> None:
        """Adds a pass figure: a bound, or a value."""
        if at_most is not None:
            self.checks.append(Check(name, value, f"<= {at_most:g}", value <= at_most))
        else:
            self.checks.append(Check(name, value, str(equals), value == equals))

    def row(self) -> dict[str, object]:
        """The outcome as one JSON object."""
        figures = asdict(self.figures)
        for name in ("recovery", "resume"):
            values = figures.pop(name)
            figures[name] = {
                "count": len(values),
                "p50": percentile(values, 0.5),
                "p99": percentile(values, 0.99),
                "max": max(values, default=0.0),
            }
        return {
            "scenario": self.name,
            "title": self.title,
            "format": self.queue_format,
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "worker_deaths": self.deaths,
            **figures,
            "checks": [asdict(check) for check in self.checks],
            **self.facts,
        }


def check_basics(outcome: Outcome, fleets: Sequence[Fleet], *, planned_deaths: int | None = None) -> None:
    """The pass figures that hold whatever the fault is.

    Args:
        outcome: what to check.
        fleets: the workers.
        planned_deaths: how many workers were killed on purpose; by default as many as the ledger says.
    """
    outcome.check("LOST", outcome.figures.lost, equals=0)
    check_beside_losses(outcome, fleets, planned_deaths=planned_deaths)


def check_beside_losses(outcome: Outcome, fleets: Sequence[Fleet], *, planned_deaths: int | None = None) -> None:
    """The same but for LOST, for a fault by which Redis itself loses jobs: the scenario explains each."""
    figures = outcome.figures
    planned = figures.kills if planned_deaths is None else planned_deaths
    outcome.check("DEAD", figures.dead, equals=0)
    outcome.check("DUP", figures.dup, at_most=figures.dup_bound)
    outcome.check("OVERLAP", figures.overlap, equals=0)
    outcome.check("PHANTOM", figures.phantom, equals=0)
    outcome.check("STALE-WRITE", figures.stale, equals=0)
    outcome.check("silent enqueues", figures.silent, equals=0)
    outcome.check("KEYLEAK", outcome.facts["key_leaks"], equals=0)
    outcome.check("unplanned worker deaths", outcome.deaths - planned, at_most=0)
    outcome.check("exit codes", sorted({fleet.exit_code for fleet in fleets}, key=str), equals=[0])


def check_recovery(outcome: Outcome, lease_s: float, start_s: float) -> None:
    """How soon jobs of killed workers must run again.

    Args:
        outcome: what to check.
        lease_s: how long the leases last.
        start_s: how long it took workers to run their first job; see `slow_start_s`.
    """
    recovery = outcome.figures.recovery
    slow_s = slow_start_s(start_s)
    outcome.facts["start_s"] = round(start_s, 2)
    outcome.check("RECOVERY p99 s", round(percentile(recovery, 0.99), 2), at_most=round(lease_s + 2 + slow_s, 2))
    outcome.check("RECOVERY max s", round(max(recovery, default=0.0), 2), at_most=round(lease_s + 5 + slow_s, 2))


def slow_start_s(start_s: float) -> float:
    """By how much a figure may be missed as workers took so long to start: what is beyond a second.

    Where all workers have been killed, work waits for new ones, and a slow machine is no fault of the queue.
    """
    return max(0.0, start_s - 1)
