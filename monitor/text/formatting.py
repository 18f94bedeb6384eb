"""Formats numbers, rates, sizes, durations and times for people: on the page, and in a terminal.

Texts are short, and of constant width if numbers change in place. The defaults are for the page; parameters cover what
differs in a terminal (see `monarq.cli.terminal.formatting`): no gap before a unit, an ASCII mark for missing values.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Literal

MISSING: Final = "–"
_SIZES: Final = ("B", "KB", "MB", "GB", "TB")


def number(value: float | None) -> str:
    """A whole number with thousands separators."""
    return MISSING if value is None else f"{value:,.0f}"


def compact(value: float | None) -> str:
    """A number in at most five characters: `987`, `12.3k`, `1.20M`."""
    if value is None:
        return MISSING
    for least, sign in ((1e9, "G"), (1e6, "M"), (9999.5, "k")):
        if value >= least:
            scaled = value / (1000 if sign == "k" else least)
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{sign}"
    return f"{value:,.0f}"


def rate(per_s: float | None, *, decimal_below: int = 10) -> str:
    """Events per second in at most five characters: `0`, `<0.1`, `0.3`, `987`, `12.3k`.

    Args:
        per_s: the rate.
        decimal_below: rates below this one have a decimal.
    """
    if per_s is None:
        return MISSING
    if not 0 < per_s < decimal_below - 0.05:
        return compact(per_s)
    return f"{per_s:.1f}" if per_s >= 0.05 else "<0.1"


def percent(share: float | None) -> str:
    """A share of one."""
    if share is None:
        return MISSING
    return f"{share:.1%}" if 0 < share < 0.0995 else f"{share:.0%}"


def size(count: float | None) -> str:
    """Bytes in decimal units: `840 B`, `1.2 KB`, `85.0 MB`."""
    if count is None:
        return MISSING
    scaled, unit = float(count), _SIZES[0]
    for unit in _SIZES:
        if scaled < 1000 or unit == _SIZES[-1]:
            break
        scaled /= 1000
    return f"{scaled:,.0f} {unit}" if unit == "B" or scaled >= 100 else f"{scaled:,.1f} {unit}"


def memory(count: int) -> str:
    """Bytes in the binary units of memory limits, in at most six characters: `85MB`, `1.2GB`."""
    megabytes = count / 2**20
    return f"{megabytes:.0f}MB" if megabytes < 1000 else f"{megabytes / 1024:.1f}GB"


def duration(
    seconds: float | None, *, finest: Literal["µs", "ms", "s"] = "µs", gap: str = " ", missing: str = MISSING
) -> str:
    """A duration: `840 µs`, `1.2 ms`, `12 ms`, `3.2 s`, `45 s`, `3m 05s`, `2h 07m`, `12d 03h`.

    Args:
        seconds: its length; None if unknown.
        finest: the smallest unit; "ms" gives whole milliseconds, or `<1ms`.
        gap: the text between a number and its unit, and between two units.
        missing: the text for None.
    """
    if seconds is None:
        return missing
    seconds = max(0.0, seconds)
    if seconds < 0.9995 and finest != "s":
        return _below_a_second(seconds, finest, gap)
    if seconds < 60:
        return f"{seconds:.1f}{gap}s" if seconds < 10 else f"{int(seconds)}{gap}s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}m{gap}{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{gap}{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{gap}{whole % 86_400 // 3600:02}h"


def _below_a_second(seconds: float, finest: Literal["µs", "ms"], gap: str) -> str:
    if finest == "ms":
        return f"{seconds * 1000:.0f}{gap}ms" if seconds >= 0.001 else f"<1{gap}ms"
    if 0 < seconds < 0.001:
        return f"{seconds * 1e6:.0f}{gap}µs"
    return f"{seconds * 1000:.{1 if 0 < seconds < 0.01 else 0}f}{gap}ms"


def age(seconds: float | None) -> str:
    """How old something is, in whole seconds, since text that changes less often is easier to read."""
    if seconds is None:
        return MISSING
    return "now" if seconds < 1 else duration(seconds if seconds >= 60 else float(int(seconds))).replace(".0 s", " s")


def ago(unix_ms: float | None) -> str:
    """How long ago a time was, or how far in the future it is."""
    if not unix_ms:
        return MISSING
    passed_s = time.time() - unix_ms / 1000
    if passed_s <= -1:
        return f"in {age(-passed_s)}"
    return "now" if passed_s < 1 else f"{age(passed_s)} ago"


def timestamp(unix_ms: float | None) -> str:
    """A time in UTC, to the second; 0 and None mean unknown."""
    if not unix_ms:
        return "unknown"
    try:
        return datetime.fromtimestamp(unix_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{unix_ms:.0f} ms"
