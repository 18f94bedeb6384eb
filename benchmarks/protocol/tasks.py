"""What the jobs of every peer do, as plain functions.

This runs in the peers' environments, so it uses only the standard library. Each function gets the job's number in the
timestamps, so that the driver knows when it started and ended.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache
from typing import Final

from benchmarks.protocol.timestamps import ENDED, STARTED, Timestamps

WAIT_S: Final = 0.05
BURN_S: Final = 0.05

timestamps = cache(Timestamps.of_environment)
"""Opened by the first job of a process, so that forked and spawned processes work alike."""


def noop(number: int, data: str = "") -> None:
    """Does nothing; `data` only enlarges the payload."""
    rows = timestamps()
    rows.mark(number, STARTED)
    rows.mark_process(number)
    rows.mark(number, ENDED)


async def wait(number: int, data: str = "") -> None:
    """Waits 50 ms, as for a network service."""
    rows = timestamps()
    rows.mark(number, STARTED)
    await asyncio.sleep(WAIT_S)
    rows.mark(number, ENDED)


def wait_blocking(number: int, data: str = "") -> None:
    """The same for a thread or process."""
    rows = timestamps()
    rows.mark(number, STARTED)
    time.sleep(WAIT_S)
    rows.mark(number, ENDED)


def burn(number: int, data: str = "") -> None:
    """Uses 50 ms of processor time, however long it takes."""
    rows = timestamps()
    rows.mark(number, STARTED)
    rows.mark_process(number)
    end_s = time.thread_time() + BURN_S
    while time.thread_time() < end_s:
        sum(range(1000))
    rows.mark(number, ENDED)
