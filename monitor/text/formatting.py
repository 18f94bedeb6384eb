"""Numbers, sizes and times in words, for the templates. Short, and of steady width where numbers change in place."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

NOTHING: Final = "–"
_SIZES: Final = ("B", "KB", "MB", "GB", "TB")


def number(value: float | None) -> str:
    """A whole number with its thousands apart."""
    return NOTHING if value is None else f"{value:,.0f}"


def compact(value: float | None) -> str:
    """A number in at most five signs: `987`, `12.3k`, `1.20M`."""
    if value is None:
        return NOTHING
    for least, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= least:
            scaled = value / (1000 if sign == "k" else least)
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f}{sign}"
    return f"{value:,.0f}"


def rate(per_s: float | None) -> str:
    """Events a second."""
    if per_s is None:
        return NOTHING
    return f"{per_s:.1f}" if 0 < per_s < 10 else compact(per_s)


def percent(share: float | None) -> str:
    """A share of one."""
    if share is None:
        return NOTHING
    return f"{share:.1%}" if 0 < share < 0.0995 else f"{share:.0%}"


def size(count: float | None) -> str:
    """Bytes."""
    if count is None:
        return NOTHING
    scaled, unit = float(count), _SIZES[0]
    for unit in _SIZES:
        if scaled < 1000 or unit == _SIZES[-1]:
            break
        scaled /= 1000
    return f"{scaled:,.0f} {unit}" if unit == "B" or scaled >= 100 else f"{scaled:,.1f} {unit}"


def duration(seconds: float | None) -> str:
    """A time that something took: `840 µs`, `12 ms`, `3.2 s`, `45 s`, `3m 05s`, `2h 07m`, `12d 03h`."""
    if seconds is None:
        return NOTHING
    seconds = max(0.0, seconds)
    if 0 < seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1000:.{1 if 0 < seconds < 0.01 else 0}f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{int(seconds)} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02}h"


def age(seconds: float | None) -> str:
    """How long ago something was, in whole seconds: what stands still longer is easier to read."""
    if seconds is None:
        return NOTHING
    return "now" if seconds < 1 else duration(seconds if seconds >= 60 else float(int(seconds))).replace(".0 s", " s")


def ago(unix_ms: float | None) -> str:
    """How long ago a moment was, or in how long it comes."""
    if not unix_ms:
        return NOTHING
    passed_s = time.time() - unix_ms / 1000
    if passed_s <= -1:
        return f"in {age(-passed_s)}"
    return "now" if passed_s < 1 else f"{age(passed_s)} ago"


def moment(unix_ms: float | None) -> str:
    """A moment, to the second, in UTC."""
    if not unix_ms:
        return "unknown"
    try:
        return datetime.fromtimestamp(unix_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{unix_ms:.0f} ms"
