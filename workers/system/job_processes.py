"""Processes that the jobs of a worker have started: found, and ended where their jobs will run again.

A worker uses this before it hands jobs back, and its supervisor where it kills a worker or finds one dead. A process is
found where it descends from the worker or is in the worker's session. A daemon that a job has detached on purpose, by a
second fork and a session of its own, is neither, and lives on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import psutil

TERMINATE_S: Final = 0.5
"""How long the processes may take to end by SIGTERM."""

_POLL_S: Final = 0.02


def process_tree(pid: int) -> set[psutil.Process]:
    """All processes that descend from this one or are in its session, without itself.

    Once it has ended, and until it is reaped, only those of its session are found.
    """
    found = set(_descendants_of(pid))
    for other in psutil.pids():
        with suppress(OSError, psutil.Error):
            if other != pid and os.getsid(other) == pid:
                found.add(psutil.Process(other))
    return found


def kill(processes: Iterable[psutil.Process]) -> None:
    """Sends SIGKILL; never to another process that has got the id of one of these."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


class JobProcesses:
    """The processes that the jobs of this process have started and that still run.

    Processes that run already when this is made belong to the worker and not to a job: a process of the start-up hook,
    such as a browser, is ended by the shut-down hook.

    Args:
        excluded_pids: returns the process ids of the CPU lane's children, which the lane ends itself.
    """

    def __init__(self, excluded_pids: Callable[[], set[int]]) -> None:
        self._pid = os.getpid()
        self._excluded_pids = excluded_pids
        self._workers_own = {process for process in process_tree(self._pid) if process.pid not in excluded_pids()}

    def find(self) -> frozenset[psutil.Process]:
        """Those that run now."""
        found, excluded_pids = process_tree(self._pid), self._excluded_pids()
        for own in self._workers_own:
            found -= {own, *_descendants_of(own.pid)}
        return frozenset(process for process in found if process.pid not in excluded_pids)

    async def terminate(self, found_before: frozenset[psutil.Process] = frozenset()) -> None:
        """Ends them: by SIGTERM, and by SIGKILL where that does not do it soon.

        Args:
            found_before: found earlier, and ended too: a process whose parent has ended is not found any more.
        """
        ending = self.find() | found_before
        for process in ending:
            with suppress(psutil.Error):
                process.terminate()
        await _until_ended(ending)
        # Meanwhile an abandoned thread may have started others.
        ending |= self.find()
        kill(ending)
        await _until_ended(ending)

    def kill_all(self) -> None:
        """Kills whatever is left, the worker's own processes too: to be called last of all."""
        kill(process for process in process_tree(self._pid) if process.pid not in self._excluded_pids())


def _descendants_of(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


async def _until_ended(processes: Iterable[psutil.Process]) -> None:
    for _ in range(round(TERMINATE_S / _POLL_S)):
        if not any(map(_is_running, processes)):
            return
        await asyncio.sleep(_POLL_S)


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
