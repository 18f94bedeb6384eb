"""What the overview draws: each chart as points, which the page's script makes a picture of, and in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from monarq.monitor.queues.counters import Tallies
from monarq.monitor.queues.series import Bucket
from monarq.monitor.text.formatting import duration, number, rate
from monarq.monitor.web.base.chart_history import Span

Point = float | None
Unit = Literal["rate", "seconds", "count"]

_IN_WORDS: Final[dict[Unit, Callable[[Point], str]]] = {"rate": rate, "seconds": duration, "count": number}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Attributes:
        name: what it shows.
        look: the class of its colour.
        points: a value for each group; None where there is none.
    """

    name: str
    look: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows.
        kind: lines, the first with its area filled, or bars upon one another.
        unit: of its values.
        start_s: when the first group began, unix seconds.
        step_s: how long each group is.
        lines: what is drawn.
    """

    title: str
    kind: Literal["lines", "bars"]
    unit: Unit
    start_s: int
    step_s: int
    lines: tuple[Line, ...]

    @property
    def data(self) -> str:
        """All of it as JSON."""
        return msgspec.json.encode(self).decode()

    @property
    def summary(self) -> str:
        """What it shows, in a sentence."""
        told = [f"{line.name} now {value}, at most {self.worded(_most(line))}" for line, value in self.legend]
        return f"{self.title}: {'; '.join(told)}."

    @property
    def legend(self) -> list[tuple[Line, str]]:
        """Each line with its newest value."""
        return [(line, self.worded(line.points[-1] if line.points else None)) for line in self.lines]

    def worded(self, value: Point) -> str:
        """A value for people."""
        return _IN_WORDS[self.unit](value)


def draw_charts(groups: Sequence[Bucket], span: Span) -> list[Chart]:
    """Throughput, waits and failures. The last group, which is not over yet, is left out."""
    over = groups[:-1]

    def points(value: Callable[[Tallies], Point]) -> tuple[Point, ...]:
        return tuple(value(group.tallies) for group in over)

    wide_s = span.group_s
    charts: list[tuple[str, Literal["lines", "bars"], Unit, list[Line]]] = [
        (
            "Jobs a second",
            "lines",
            "rate",
            [
                Line("ended", "accent", points(lambda of: round(of.ended / wide_s, 2))),
                Line("enqueued", "quiet", points(lambda of: round(of.enqueued / wide_s, 2))),
            ],
        ),
        (
            "Wait",
            "lines",
            "seconds",
            [
                Line("p50", "accent", points(lambda of: of.wait.quantile(0.5))),
                Line("p95", "warn", points(lambda of: of.wait.quantile(0.95))),
            ],
        ),
        (
            "Failures",
            "bars",
            "count",
            [
                Line("failed", "bad", points(lambda of: of.failed)),
                Line("retried", "warn", points(lambda of: of.retried)),
                Line("crashed", "quiet", points(lambda of: of.crashed)),
            ],
        ),
    ]
    start_s = over[0].start_s if over else 0
    return [Chart(title, kind, unit, start_s, wide_s, tuple(lines)) for title, kind, unit, lines in charts]


def _most(line: Line) -> Point:
    return max((point for point in line.points if point is not None), default=None)
