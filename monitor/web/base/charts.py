"""The charts of the overview: the data that the page's script draws, and a description in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from monarq.monitor.queues.counters import Counters
from monarq.monitor.queues.series import SeriesPoint
from monarq.monitor.text.formatting import duration, number, rate
from monarq.monitor.web.base.chart_history import TimeRange

Point = float | None
Unit = Literal["rate", "seconds", "count"]

_FORMATTERS: Final[dict[Unit, Callable[[Point], str]]] = {"rate": rate, "seconds": duration, "count": number}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Attributes:
        name: what it shows.
        look: the CSS class of its colour.
        points: a value for each point in time, or None.
    """

    name: str
    look: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows.
        kind: lines, the first with a filled area, or stacked bars.
        unit: the unit of its values.
        start_s: the time of the first point, unix seconds.
        step_s: the time between points.
        lines: the lines, or the parts of each bar.
    """

    title: str
    kind: Literal["lines", "bars"]
    unit: Unit
    start_s: int
    step_s: int
    lines: tuple[Line, ...]

    @property
    def data(self) -> str:
        """The chart as JSON, for the script."""
        return msgspec.json.encode(self).decode()

    @property
    def summary(self) -> str:
        """What it shows, in a sentence."""
        parts = [f"{line.name} now {value}, at most {self.format(_most(line))}" for line, value in self.legend]
        return f"{self.title}: {'; '.join(parts)}."

    @property
    def legend(self) -> list[tuple[Line, str]]:
        """Each line with its newest value."""
        return [(line, self.format(line.points[-1] if line.points else None)) for line in self.lines]

    def format(self, value: Point) -> str:
        """A value as text, in the unit of this chart."""
        return _FORMATTERS[self.unit](value)


def draw_charts(groups: Sequence[SeriesPoint], time_range: TimeRange) -> list[Chart]:
    """The charts of throughput, waits and failures. The last group, which is still counting, is left out."""
    complete = groups[:-1]

    def points(value: Callable[[Counters], Point]) -> tuple[Point, ...]:
        return tuple(value(group.counters) for group in complete)

    wide_s = time_range.group_s
    charts: list[tuple[str, Literal["lines", "bars"], Unit, list[Line]]] = [
        (
            "Jobs per second",
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
    start_s = complete[0].start_s if complete else 0
    return [Chart(title, kind, unit, start_s, wide_s, tuple(lines)) for title, kind, unit, lines in charts]


def _most(line: Line) -> Point:
    return max((point for point in line.points if point is not None), default=None)
