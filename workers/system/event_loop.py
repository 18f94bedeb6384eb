"""Keeps a worker's event loop running, whatever leaves the tasks that its jobs have started."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any


def run_through(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, None]) -> None:
    """Runs the loop until `main` has ended, through what stops it before.

    A SystemExit or KeyboardInterrupt that leaves a task stops any loop, as asyncio has it. One that a job's own task
    raises is for that job: the others would be cancelled with the loop, and their tries used up.
    """
    gc.freeze()  # the program's modules and jobs stay as long as the process: no collection is to look at them again
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt):
            if task.done():
                raise
