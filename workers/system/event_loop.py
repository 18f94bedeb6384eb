"""Runs a worker's event loop until its main coroutine ends, whatever the tasks raise that its jobs have started."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any


def run_until_complete(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, None]) -> None:
    """Runs the loop until `main` has ended, also where something stops the loop before.

    A SystemExit or KeyboardInterrupt that leaves a task stops any asyncio loop. One that a job's own task raises must
    end that job only: with the loop all other jobs would be cancelled, and their tries used up.
    """
    gc.freeze()  # the program's modules and jobs live as long as the process: no collection needs to look at them again
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt):
            if task.done():
                raise
