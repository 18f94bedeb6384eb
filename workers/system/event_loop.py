"""Runs a worker's event loop until its main coroutine ends, whatever tasks of its jobs raise."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any


def run_until_complete(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, None]) -> None:
    """Runs the loop until `main` has ended, even if something stops the loop earlier.

    A SystemExit or KeyboardInterrupt that leaves a task stops any asyncio loop. One that a job's own task raises must
    end only that job: otherwise all other jobs would be cancelled, and their tries used up.
    """
    gc.freeze()  # the program's modules and jobs live as long as the process: collections need not scan them again
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt):
            if task.done():
                raise
