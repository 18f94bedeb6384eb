"""Parsing of durations, times, counts and sizes as users write them."""

from __future__ import annotations

import math
import re
import time
from datetime import datetime, timedelta
from typing import Final, overload

from monarq.shared.errors import SettingsError

Duration = float | timedelta | str
"""Seconds, a timedelta, or text such as "500ms", "30s", "1h30m" or "3d"; text without a unit is seconds."""

MAX_DURATION_S: Final = 100 * 365.25 * 86_400
"""A hundred years: a longer duration is a mistake, and Redis could not keep it exactly."""

MAX_SIZE_BYTES: Final = 1 << 60

FOREVER: Final = "forever"
"""The value that keeps a result without limit; in seconds it is infinity."""

_NUMBER: Final = r"(\d+(?:\.\d+)?|\.\d+)"
_UNITS_S: Final = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION: Final = re.compile(r"\s*".join(rf"(?:{_NUMBER}\s*{unit}(?![a-z]))?" for unit in _UNITS_S), re.ASCII)
_SECONDS: Final = re.compile(_NUMBER, re.ASCII)
_LONGEST_TEXT: Final = 100
_DURATION_FORMS: Final = "seconds, a timedelta, or text such as '500ms', '30s', '1h30m' or '3d'"

_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?\s*", re.IGNORECASE | re.ASCII)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@overload
def to_seconds(value: None, name: str) -> None: ...
@overload
def to_seconds(value: Duration, name: str) -> float: ...
def to_seconds(value: Duration | None, name: str) -> float | None:
    """A duration in seconds.

    Raises:
        SettingsError: it is not a `Duration`, is negative, or is over a hundred years; `name` is the option's, for the
            error.
    """
    if value is None:
        return None
    if isinstance(value, str):
        seconds: object = _read_duration(value)
    else:
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise SettingsError(f"{name} is {_shown(value)}: give {_DURATION_FORMS}")
    # Written so that NaN is refused too.
    if not 0 <= seconds <= MAX_DURATION_S:
        raise SettingsError(
            f"{name} is {_shown(value)}: give seconds from 0 up to a hundred years, {MAX_DURATION_S:,.0f}"
        )
    return float(seconds)


def is_duration(text: str) -> bool:
    """Whether a text is a duration, however long."""
    return _read_duration(text) is not None


@overload
def to_kept_seconds(value: None, name: str) -> None: ...
@overload
def to_kept_seconds(value: Duration, name: str) -> float: ...
def to_kept_seconds(value: Duration | None, name: str) -> float | None:
    """The seconds to keep something; infinity for "forever".

    Raises:
        SettingsError: as `to_seconds`.
    """
    if value in (FOREVER, math.inf):
        return math.inf
    try:
        return to_seconds(value, name)
    except SettingsError as error:
        raise SettingsError(f"{error}; or '{FOREVER}'") from None


def check_time(value: datetime | None, name: str) -> None:
    """Checks a datetime; None is accepted.

    Raises:
        SettingsError: it is not a datetime, has no time zone, or is over a hundred years ahead.
    """
    if value is None:
        return
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise SettingsError(
            f"{name} is {value!r}: give a datetime with a time zone, such as datetime.now(UTC) + timedelta(hours=1)"
        )
    if value.timestamp() > time.time() + MAX_DURATION_S:
        raise SettingsError(f"{name} is {value!r}: give a datetime within the next hundred years")


def to_count(value: int, name: str, *, least: int = 0) -> int:
    """Checks a whole number.

    Raises:
        SettingsError: it is not a whole number, or is below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"{name} is {_shown(value)}; it must be a whole number of {least} or more")
    return value


@overload
def size_bytes(value: None, name: str) -> None: ...
@overload
def size_bytes(value: int | str, name: str) -> int: ...
def size_bytes(value: int | str | None, name: str) -> int | None:
    """A size in bytes, from a number of bytes or from text such as ``"256MB"`` (1 MB is 1024 * 1024 bytes).

    Raises:
        SettingsError: it is not a size.
    """
    if value is None:
        return None
    size = value if isinstance(value, int) and not isinstance(value, bool) else _read_size(value)
    if not 1 <= size <= MAX_SIZE_BYTES:
        raise SettingsError(f"{name} is {_shown(value)}: give a number of bytes, from 1, or text such as '256MB'")
    return int(size)


def _read_duration(text: str) -> float | None:
    """The seconds that a text means; None if it is not a duration."""
    text = text.strip()
    if len(text) > _LONGEST_TEXT:  # thousands of digits or spaces take long to parse
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        return None
    return sum(float(number) * unit_s for number, unit_s in zip(found.groups("0"), _UNITS_S.values(), strict=True))


def _read_size(value: object) -> float:
    found = _SIZE.fullmatch(str(value))
    return float(found[1]) * 1024 ** _POWERS[found[2].lower()] if found else 0.0


def _shown(value: object) -> str:
    """The value for an error, shortened; Python refuses to print a number of thousands of digits."""
    if isinstance(value, int) and abs(value) > MAX_SIZE_BYTES:
        return f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
