"""Durations and sizes as people write them."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Final, overload

from monarq.shared.errors import SettingsError

Duration = float | timedelta
"""Seconds, or a timedelta."""

_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?\s*", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@overload
def to_seconds(value: None, name: str) -> None: ...
@overload
def to_seconds(value: Duration, name: str) -> float: ...
def to_seconds(value: Duration | None, name: str) -> float | None:
    """A duration in seconds.

    Raises:
        SettingsError: it is negative, no number, or endless; `name` says whose it is.
    """
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise SettingsError(f"{name} is {value!r}: give seconds or a timedelta")
    if not math.isfinite(seconds) or seconds < 0:
        raise SettingsError(f"{name} is {value!r}: give seconds from 0 up")
    return float(seconds)


@overload
def size_bytes(value: None, name: str) -> None: ...
@overload
def size_bytes(value: int | str, name: str) -> int: ...
def size_bytes(value: int | str | None, name: str) -> int | None:
    """A size in bytes, from a number of bytes or from text such as ``"256MB"`` (1 MB is 1024 * 1024 bytes).

    Raises:
        SettingsError: it is no size; `name` says whose it is.
    """
    if value is None:
        return None
    found = _SIZE.fullmatch(str(value)) if not isinstance(value, bool) else None
    size = int(float(found[1]) * 1024 ** _POWERS[found[2].lower()]) if found else 0
    if size <= 0:
        raise SettingsError(f"{name} is {value!r}: give bytes or a text such as '256MB'")
    return size
