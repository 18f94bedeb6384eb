"""Time limits that grow with the machine's slowness, compared with a quiet machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from functools import cache
from typing import Final

QUIET_S: Final = 0.06
"""The time of `_measure` on the machine for which the tests' limits are written, while it is idle."""

MOST: Final = 10.0
"""A machine that is even slower counts as hanging."""

VARIABLE: Final = "TESTS_SLOWNESS"
"""Passes the measured value to the processes of a run."""


def slowness() -> float:
    """1 on a quiet machine, up to `MOST` on a slow or busy one: as measured at the start, or by its load."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(MOST, max(1.0, measured(), load))


def patience_s(seconds: float) -> float:
    """The limit for something that takes at most this many seconds on a quiet machine."""
    return seconds * slowness()


def in_time(seconds: float) -> asyncio.Timeout:
    """The same for a block, which raises TimeoutError at the limit."""
    return asyncio.timeout(patience_s(seconds))


@cache
def measured() -> float:
    """The slowness as measured once per run by a fixed piece of work."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = f"{min(_measure() for _ in range(3)) / QUIET_S:.2f}"
    return float(os.environ[VARIABLE])


def _measure() -> float:
    started_s = time.monotonic()
    subprocess.run([sys.executable, "-I", "-S", "-c", "for _ in range(1_000_000): pass"], check=True)
    return time.monotonic() - started_s
