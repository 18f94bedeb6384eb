"""The report of a run: the rounds' medians and spreads, as tables and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measuring.rounds import Taken


class Summary:
    """The rows of a run, by measure and peer.

    Attributes:
        measures: the names of the measures, in the order in which they were taken.
        peers: the names of the peers, in the order of the roster.
    """

    def __init__(self, taken: Iterable[Taken], peers: Sequence[str]) -> None:
        self.peers = list(peers)
        self._values: dict[str, dict[str, list[float]]] = {}
        for one in taken:
            self._values.setdefault(one.row.measure, {}).setdefault(one.peer, []).append(one.row.value)
        self.measures = list(self._values)

    def median(self, measure: str, peer: str) -> float | None:
        """The median of the rounds; None if the peer has no such row."""
        values = self._values.get(measure, {}).get(peer)
        return statistics.median(values) if values else None

    def spread(self, measure: str, peer: str) -> float:
        """The range of the rounds: maximum minus minimum, relative to the median."""
        values = self._values[measure][peer]
        median = statistics.median(values)
        return (max(values) - min(values)) / median if median else 0.0


def short(value: float) -> str:
    """A number with its significant digits."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def print_tables(summary: Summary, console: Console) -> None:
    """Prints a table per group of measures: the median ± half the spread in percent."""
    for part in range(0, len(summary.measures), 6):
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("")
        columns = summary.measures[part : part + 6]
        for measure in columns:
            table.add_column(measure, justify="right")
        for peer in summary.peers:
            table.add_row(peer, *[_cell(summary, measure, peer) for measure in columns])
        console.print(table, "")


def _cell(summary: Summary, measure: str, peer: str) -> str:
    median = summary.median(measure, peer)
    if median is None:
        return "-"
    return f"{short(median)} [dim]±{summary.spread(measure, peer) * 50:.0f}%[/dim]"


def write_json(path: Path, about: Mapping[str, Any], taken: Iterable[Taken]) -> None:
    """Writes the raw rows, and the machine on which they were taken."""
    rows = [{"round": one.round, "peer": one.peer, **asdict(one.row)} for one in taken]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
