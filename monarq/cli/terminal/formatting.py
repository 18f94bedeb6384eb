"""Numbers, times and rates as a terminal shows them: few signs, and of steady width where they change in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NOTHING: Final = "-"

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.:-=+*#"


def duration(seconds: float) -> str:
    """A duration in at most six signs: `1.2s`, `45s`, `3m05s`, `2h07m`, `12d03h`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def span(seconds: float | None) -> str:
    """A time that was measured by the millisecond, in at most six signs: `<1ms`, `12ms`, `1.2s`, `3m05s`."""
    if seconds is None:
        return NOTHING
    if seconds < 0.001:
        return "<1ms"
    return f"{seconds * 1000:.0f}ms" if seconds < 0.9995 else duration(seconds)


def rate(per_s: float) -> str:
    """Events a second in at most five signs: `0`, `0.3`, `12.5`, `987`, `12.3k`."""
    if per_s == 0:
        return "0"
    if per_s < 99.95:
        return f"{per_s:.1f}" if per_s >= 0.05 else "<0.1"
    return f"{per_s:,.0f}" if per_s < 9999.5 else f"{per_s / 1000:.1f}k"


def sparkline(values: Sequence[float], *, highest: float | None = None, ascii_only: bool = False) -> str:
    """A bar for each value; what is more than nothing is higher than nothing.

    Args:
        values: each 0 or more.
        highest: the value of a full bar; by default the highest of them.
        ascii_only: whether no other signs may be used.
    """
    bars = _ASCII_BARS if ascii_only else _BARS
    full = max(values, default=0.0) if highest is None else highest
    if full <= 0:
        return bars[0] * len(values)
    steps = (min(len(bars) - 1, round(value / full * (len(bars) - 1))) for value in values)
    return "".join(bars[max(step, 1 if value > 0 else 0)] for step, value in zip(steps, values, strict=True))
