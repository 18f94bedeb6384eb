"""The processes that the jobs of a worker process have started: found, and ended where their jobs are to run again.

A worker calls it before it hands jobs back, and its supervisor where it kills a worker or finds one dead. Found are all
that descend from the worker or stand in its session. A daemon that a job has detached on purpose, by a second fork and
a session of its own, is neither, and lives on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import psutil

END_S: Final = 0.5
"""How long the processes may take to end by SIGTERM."""

_LOOK_S: Final = 0.02


def family_of(pid: int) -> set[psutil.Process]:
    """All processes that descend from this one or stand in its session, without itself.

    Of a process that has ended, as long as it is not reaped, only its session is left.
    """
    family = set(_descendants_of(pid))
    for other in psutil.pids():
        with suppress(OSError, psutil.Error):
            if other != pid and os.getsid(other) == pid:
                family.add(psutil.Process(other))
    return family


def kill(processes: Iterable[psutil.Process]) -> None:
    """Sends SIGKILL; never to another process that has got the number of one of these."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


class JobProcesses:
    """What the jobs of this process have started, as far as it is there still.

    What is there already when this is made belongs to the worker and not to a job: what its start-up hook has started,
    such as a browser, is its shut-down hook's to end.

    Args:
        spared: gives the process ids of the cpu lane's children, which the lane ends itself.
    """

    def __init__(self, spared: Callable[[], set[int]]) -> None:
        self._pid = os.getpid()
        self._spared = spared
        self._workers_own = {process for process in family_of(self._pid) if process.pid not in spared()}

    def find(self) -> frozenset[psutil.Process]:
        """Those that are there now."""
        found, spared = family_of(self._pid), self._spared()
        for own in self._workers_own:
            found -= {own, *_descendants_of(own.pid)}
        return frozenset(process for process in found if process.pid not in spared)

    async def end(self, seen: frozenset[psutil.Process] = frozenset()) -> None:
        """Ends them: by SIGTERM, and by SIGKILL where that does not do it soon.

        Args:
            seen: what was found before; it is ended too, as the child of a process that has ended is not found.
        """
        ending = self.find() | seen
        for process in ending:
            with suppress(psutil.Error):
                process.terminate()
        await _until_ended(ending)
        # Meanwhile a thread that was given up may have started others.
        ending |= self.find()
        kill(ending)
        await _until_ended(ending)

    def kill_all(self) -> None:
        """Kills whatever is left, the worker's own too: to be called as the last thing."""
        kill(process for process in family_of(self._pid) if process.pid not in self._spared())


def _descendants_of(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


async def _until_ended(processes: Iterable[psutil.Process]) -> None:
    for _ in range(round(END_S / _LOOK_S)):
        if not any(map(_lives, processes)):
            return
        await asyncio.sleep(_LOOK_S)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
