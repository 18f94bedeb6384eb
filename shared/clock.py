"""This machine's wall clock, as monarq reads it: the system's time, unless a test has set another.

All decisions use Redis' clock. This clock is only for display, and for estimates.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], int]
"""Returns the time in unix ns."""

ServerTime = Callable[[int, int], tuple[int, int]]
"""Takes a server's reply to TIME, seconds and microseconds, and returns the time to use for it."""


def _as_answered(seconds: int, micros: int) -> tuple[int, int]:
    return seconds, micros


_now_ns: Now = time.time_ns
_server_time: ServerTime = _as_answered


def wall_ms() -> int:
    """The time in unix ms, for display only; no decision may depend on it."""
    return _now_ns() // 1_000_000


def wall_now() -> datetime:
    """The same, as an aware datetime in UTC."""
    return datetime.fromtimestamp(_now_ns() / 1e9, tz=UTC)


def moment(unix_ms: float) -> datetime:
    """A time in unix ms as an aware datetime in UTC; the first or last that a datetime can hold if it is beyond."""
    try:
        return datetime.fromtimestamp(unix_ms / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):  # payloads come from any program, with any number
        return datetime.max.replace(tzinfo=UTC) if unix_ms > 0 else datetime.min.replace(tzinfo=UTC)


def server_time(seconds: int, micros: int) -> tuple[int, int]:
    """The time of a server that sent this reply to TIME."""
    return _server_time(seconds, micros)


def set_clock(now_ns: Now, of_server: ServerTime) -> None:
    """Sets another clock, for tests, until `reset_clock`."""
    global _now_ns, _server_time
    _now_ns, _server_time = now_ns, of_server


def reset_clock() -> None:
    """Goes back to the system's time."""
    set_clock(time.time_ns, _as_answered)
