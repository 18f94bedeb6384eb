"""The outcome of a scenario, and the checks that it must pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chaos.checks.checker import Figures, percentile
from chaos.processes.fleet import Fleet
from monarq.shared.protocol.queue_ref import Format


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name, the measured value, the wanted value, and whether it passed."""

    name: str
    value: object
    wanted: str
    passed: bool


@dataclass(slots=True)
class Outcome:
    """The outcome of a scenario.

    Attributes:
        name: such as T1.
        title: what it does, in a few words.
        figures: the figures of the checker.
        checks: the checks.
        deaths: workers that ended without being told to.
        seconds: how long it took.
        facts: further columns of the JSON row.
        leaks: some of the keys that were left behind.
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
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def check(self, name: str, value: Any, *, at_most: float | None = None, equals: object = None) -> None:
        """Adds a check against a bound or a value."""
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
    """Adds the checks that apply to every fault.

    Args:
        outcome: what to check.
        fleets: the workers.
        planned_deaths: how many workers were killed on purpose; by default the number in the ledger.
    """
    outcome.check("LOST", outcome.figures.lost, equals=0)
    check_beside_losses(outcome, fleets, planned_deaths=planned_deaths)


def check_beside_losses(outcome: Outcome, fleets: Sequence[Fleet], *, planned_deaths: int | None = None) -> None:
    """The same without LOST, for faults in which Redis itself loses jobs; the scenario explains each loss."""
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
    """Adds checks of how soon the jobs of killed workers run again.

    Args:
        outcome: what to check.
        lease_s: how long the leases last.
        start_s: how long the workers took to run their first job; see `slow_start_s`.
    """
    recovery = outcome.figures.recovery
    slow_s = slow_start_s(start_s)
    outcome.facts["start_s"] = round(start_s, 2)
    outcome.check("RECOVERY p99 s", round(percentile(recovery, 0.99), 2), at_most=round(lease_s + 2 + slow_s, 2))
    outcome.check("RECOVERY max s", round(max(recovery, default=0.0), 2), at_most=round(lease_s + 5 + slow_s, 2))


def slow_start_s(start_s: float) -> float:
    """How much a time may exceed its limit because workers started slowly: their start time beyond one second.

    After all workers have been killed, work waits for new ones; a slow machine is not the queue's fault.
    """
    return max(0.0, start_s - 1)
