"""This machine's wall clock, as monarq reads it: the time of the system, unless a test has set another.

Decisions are made by Redis' clock alone; a reading of this one stands beside them, for people, or as a guess.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], int]
"""Returns ns since 1970."""

ServerTime = Callable[[int, int], tuple[int, int]]
"""Takes what a server answered to TIME, seconds and microseconds, and returns what is to count for it."""


def _as_answered(seconds: int, micros: int) -> tuple[int, int]:
    return seconds, micros


_now_ns: Now = time.time_ns
_server_time: ServerTime = _as_answered


def wall_ms() -> int:
    """The time in unix ms: for people to read, and never to decide by."""
    return _now_ns() // 1_000_000


def wall_now() -> datetime:
    """The same, as an aware datetime in UTC."""
    return datetime.fromtimestamp(_now_ns() / 1e9, tz=UTC)


def server_time(seconds: int, micros: int) -> tuple[int, int]:
    """The time of a server that answered this to TIME."""
    return _server_time(seconds, micros)


def set_clock(now_ns: Now, of_server: ServerTime) -> None:
    """Sets another clock, for tests, until `reset_clock`."""
    global _now_ns, _server_time
    _now_ns, _server_time = now_ns, of_server


def reset_clock() -> None:
    """Goes back to the time of the system."""
    set_clock(time.time_ns, _as_answered)
