"""Time limits that grow with the machine's slowness: how much slower it is now than a quiet one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from functools import cache
from typing import Final

QUIET_S: Final = 0.06
"""What `_measure` takes on the machine that the limits in the tests are written for, while it does nothing else."""

MOST: Final = 10.0
"""A machine that is slower still counts as hanging."""

VARIABLE: Final = "TESTS_SLOWNESS"
"""Passes the measured value on to the processes of one run."""


def slowness() -> float:
    """1 on a quiet machine, and up to `MOST` on one that is slow or busy: as measured at the start, or by its load."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(MOST, max(1.0, measured(), load))


def patience_s(seconds: float) -> float:
    """The limit for something that takes at most so many seconds on a quiet machine."""
    return seconds * slowness()


def in_time(seconds: float) -> asyncio.Timeout:
    """The same for a block, which raises TimeoutError at the limit."""
    return asyncio.timeout(patience_s(seconds))


@cache
def measured() -> float:
    """How many times as long as on a quiet machine a fixed piece of work took, once a run."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = f"{min(_measure() for _ in range(3)) / QUIET_S:.2f}"
    return float(os.environ[VARIABLE])


def _measure() -> float:
    started_s = time.monotonic()
    subprocess.run([sys.executable, "-I", "-S", "-c", "for _ in range(1_000_000): pass"], check=True)
    return time.monotonic() - started_s
