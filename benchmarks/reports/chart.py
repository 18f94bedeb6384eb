"""Plots as SVG text: bars to compare peers, lines for scaling. They use the reader's fonts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
ROW: Final = 22
LEFT: Final = 110
INK: Final = "#24292f"
FAINT: Final = "#8b949e"
OURS: Final = "#d9480f"
OTHERS: Final = "#7a8ca3"
_PAPER: Final = '<rect width="100%" height="100%" fill="#fff"/>'
_STYLE: Final = "text{font:12px system-ui,sans-serif}.t{font-weight:600;font-size:14px}.f{font-size:11px}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label and length."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its label and points, with x > 0."""

    name: str
    points: Sequence[tuple[float, float]]


def bars(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], ours: str = "monarq") -> str:
    """Groups of bars below each other, each with its own scale."""
    parts = [_text(0, 18, title, css="t")]
    y = 44
    for heading, group in groups:
        parts.append(_text(0, y, heading, fill=FAINT))
        y += 8
        most = max((bar.value for bar in group), default=1.0) or 1.0
        for bar in group:
            length = (WIDTH - LEFT - 90) * bar.value / most
            fill = OURS if bar.name == ours else OTHERS
            parts.append(_text(LEFT - 8, y + 15, bar.name, anchor="end"))
            parts.append(
                f'<rect x="{LEFT}" y="{y + 3}" width="{max(length, 1):.1f}" height="{ROW - 6}" fill="{fill}"/>'
            )
            parts.append(_text(LEFT + max(length, 1) + 6, y + 15, _number(bar.value), css="f"))
            y += ROW
        y += 26
    return _svg(y, title, parts)


def lines(title: str, x_label: str, y_label: str, drawn: Sequence[Line]) -> str:
    """Lines over a logarithmic x axis; the y axis begins at 0, so that a flat line looks flat."""
    height, top, bottom = 250, 50, 215
    points = [point for line in drawn for point in line.points]
    low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))
    step = _round_step(max(y for _, y in points) / 4)
    most = 4 * step
    parts = [_text(0, 18, title, css="t"), _text(0, 38, y_label, fill=FAINT, css="f")]

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low) / ((high - low) or 1)
        return 60 + across * (WIDTH - 230), bottom - y / most * (bottom - top)

    for x in sorted({x for x, _ in points}):
        at, _ = place(x, 0)
        parts.append(_text(at, bottom + 16, _number(x), anchor="middle", css="f", fill=FAINT))
    for y in (number * step for number in range(5)):
        _, at = place(10**low, y)
        parts.append(f'<path d="M60 {at:.1f}H{WIDTH - 170}" stroke="#d0d7de" stroke-width="0.5"/>')
        parts.append(_text(54, at + 4, _number(y), anchor="end", css="f", fill=FAINT))
    for number, line in enumerate(drawn):
        colour = (OURS, OTHERS, "#2b8a3e", "#862e9c")[number % 4]
        placed = [place(x, y) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        parts.append(_text(WIDTH - 160, placed[-1][1] + 4, line.name, fill=colour))
    parts.append(_text(60, height - 4, x_label, fill=FAINT, css="f"))
    return _svg(height, title, parts)


def stack(charts: Sequence[str]) -> str:
    """Several plots of the same width below each other in one file."""
    y, parts = 0, []
    for chart in charts:
        height = int(chart.partition('height="')[2].partition('"')[0])
        parts.append(f'<g transform="translate(0 {y})">{chart.partition(_PAPER)[2].removesuffix("</svg>")}</g>')
        y += height + 24
    return _svg(y, "plots", parts)


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return f'{head} role="img" aria-label="{escape(title)}"><style>{_STYLE}</style>{_PAPER}{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", fill: str = INK, css: str = "") -> str:
    kind = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{kind}>{escape(text)}</text>'


def _round_step(least: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(part * power for part in (1, 2, 2.5, 5, 10) if part * power >= least * 0.9999)


def _number(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1e6:g} M"
    return f"{float(f'{value:.3g}'):,g}" if value else "0"
