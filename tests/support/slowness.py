"""Time limits that grow with the machine's slowness, compared with a quiet machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

QUIET_S: Final = 0.06
"""The time of `_measure` on the machine for which the tests' limits are written, while it is idle."""

MOST: Final = 10.0
"""A machine that is even slower counts as hanging."""

LOOKS_EVERY_S: Final = 1.0

VARIABLE: Final = "TESTS_SLOWNESS"
"""Passes the measured value to the processes of a run."""


def slowness() -> float:
    """1 on a quiet machine, and up to `MOST` on one that is slow or busy.

    As measured at the start, by the machine's load, or by what this process has waited for a core.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(MOST, max(1.0, measured(), load, _WAITING.times()))


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


class _Waiting:
    """How many times as long as it computed this process wanted to compute, of late.

    The machine's load does not tell that: it follows a minute later, and a process of low priority has less than its
    share.
    """

    def __init__(self) -> None:
        self._times = 1.0
        self._looked_s = -LOOKS_EVERY_S
        self._ran_ns, self._waited_ns = 0, 0

    def times(self) -> float:
        """1 where it had a core whenever it wanted one, and where the system does not say."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOKS_EVERY_S:
            self._looked_s = now_s
            with suppress(OSError):
                ran_ns, waited_ns = map(int, Path("/proc/self/schedstat").read_text().split()[:2])
                ran, waited = ran_ns - self._ran_ns, waited_ns - self._waited_ns
                self._times = 1 + waited / max(ran, 1_000_000)
                self._ran_ns, self._waited_ns = ran_ns, waited_ns
        return self._times


_WAITING = _Waiting()


def _measure() -> float:
    started_s = time.monotonic()
    subprocess.run([sys.executable, "-I", "-S", "-c", "for _ in range(1_000_000): pass"], check=True)
    return time.monotonic() - started_s
