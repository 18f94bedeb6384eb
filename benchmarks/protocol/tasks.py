"""What the jobs of every peer do, in plain functions. Runs in the peers' environments: the standard library only.

Each takes the job's number on the timestamps, so that the driver knows when it was started and ended.
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
"""Opened at the first job of a process, so that processes that were forked and those that were started are alike."""


def noop(number: int, data: str = "") -> None:
    """Does nothing; `data` is there to be carried."""
    rows = timestamps()
    rows.mark(number, STARTED)
    rows.mark_process(number)
    rows.mark(number, ENDED)


async def wait(number: int, data: str = "") -> None:
    """Waits 50 ms, as for a network."""
    rows = timestamps()
    rows.mark(number, STARTED)
    await asyncio.sleep(WAIT_S)
    rows.mark(number, ENDED)


def wait_blocking(number: int, data: str = "") -> None:
    """The same in a thread or process."""
    rows = timestamps()
    rows.mark(number, STARTED)
    time.sleep(WAIT_S)
    rows.mark(number, ENDED)


def burn(number: int, data: str = "") -> None:
    """Uses 50 ms of processor time, however long that takes."""
    rows = timestamps()
    rows.mark(number, STARTED)
    rows.mark_process(number)
    end_s = time.thread_time() + BURN_S
    while time.thread_time() < end_s:
        sum(range(1000))
    rows.mark(number, ENDED)
