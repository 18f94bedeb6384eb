"""Formats numbers for a terminal: short, of constant width if they change in place, and with ASCII marks.

It wraps `monarq.monitor.text.formatting` with the terminal's parameters, and adds sparklines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monarq.monitor.text import formatting

NOTHING: Final = "-"

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.:-=+*#"


def duration(seconds: float) -> str:
    """A duration in at most six characters: `1.2s`, `45s`, `3m05s`, `2h07m`, `12d03h`."""
    return formatting.duration(seconds, finest="s", gap="")


def span(seconds: float | None) -> str:
    """A duration measured in milliseconds, in at most six characters: `<1ms`, `12ms`, `1.2s`, `3m05s`."""
    return formatting.duration(seconds, finest="ms", gap="", missing=NOTHING)


def rate(per_s: float) -> str:
    """Events a second in at most five characters: `0`, `0.3`, `12.5`, `987`, `12.3k`."""
    return formatting.rate(per_s, decimal_below=100)


def sparkline(values: Sequence[float], *, highest: float | None = None, ascii_only: bool = False) -> str:
    """A bar for each value; the bar of a value above 0 is higher than that of 0.

    Args:
        values: each 0 or more.
        highest: the value of a full bar; by default the highest value.
        ascii_only: whether to use only ASCII characters.
    """
    bars = _ASCII_BARS if ascii_only else _BARS
    full = max(values, default=0.0) if highest is None else highest
    if full <= 0:
        return bars[0] * len(values)
    steps = (min(len(bars) - 1, round(value / full * (len(bars) - 1))) for value in values)
    return "".join(bars[max(step, 1 if value > 0 else 0)] for step, value in zip(steps, values, strict=True))
