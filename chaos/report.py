"""The report of a run: a table for people, and one line of JSON per scenario for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from chaos.checks.checker import percentile
from chaos.outcome import Outcome

COLUMNS = (
    "",
    "fault",
    "format",
    "jobs",
    "kills",
    "in flight",
    "LOST",
    "DUP (bound)",
    "OVERLAP",
    "PHANTOM",
    "STALE",
    "LEAK",
    "recovery p50/p99/max s",
    "deaths",
    "s",
    "",
)


def show(outcomes: Sequence[Outcome], console: Console, title: str) -> None:
    """Prints the table, and below it every check that failed."""
    table = Table(*COLUMNS, title=title)
    for outcome in outcomes:
        table.add_row(*_cells(outcome))
    console.print(table)
    for outcome in outcomes:
        for line in missed_lines(outcome):
            console.print(line)


def missed_lines(outcome: Outcome) -> list[str]:
    """A line for every check that failed."""
    found = {"lost": outcome.figures.lost_ids, "overlapped": outcome.figures.overlap_ids, "leaks": outcome.leaks}
    missed = [check for check in outcome.checks if not check.passed]
    lines = [f"[red]{outcome.name}: {check.name} is {check.value}, wanted {check.wanted}" for check in missed]
    for what, ids in found.items():
        if ids:
            lines.append(f"{outcome.name}: {what}: {', '.join(ids)}")
    return lines


def _cells(outcome: Outcome) -> list[str]:
    figures = outcome.figures
    recovery = figures.recovery
    times = (percentile(recovery, 0.5), percentile(recovery, 0.99), max(recovery, default=0.0))
    return [
        outcome.name,
        outcome.title,
        outcome.queue_format,
        f"{figures.acked:,}",
        str(figures.kills),
        f"{figures.in_flight:,}",
        str(figures.lost),
        f"{figures.dup} ({figures.dup_bound:,})",
        str(figures.overlap),
        str(figures.phantom),
        str(figures.stale),
        str(outcome.facts.get("key_leaks", "")),
        "/".join(f"{value:.2f}" for value in times) if recovery else "",
        str(outcome.deaths),
        f"{outcome.seconds:.0f}",
        "passed" if outcome.passed else "MISSED",
    ]


def write_rows(outcomes: Sequence[Outcome], path: Path, machine: dict[str, object]) -> None:
    """Writes one JSON row per scenario."""
    rows = [msgspec.json.encode(outcome.row() | machine) for outcome in outcomes]
    path.write_bytes(b"".join(row + b"\n" for row in rows))


def describe_machine(seed: int, redis_version: str) -> dict[str, object]:
    """The seed, machine and versions on which the figures depend."""
    return {
        "seed": seed,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "redis": redis_version,
        "monarq": version("monarq"),
        "arq": version("arq"),
        "redis_py": version("redis"),
        "uvloop": version("uvloop"),
    }
