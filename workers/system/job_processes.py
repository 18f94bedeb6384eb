"""Finds processes that the jobs of a worker have started, and ends those of jobs that will run again.

A worker uses this before it hands jobs back, and its supervisor when it kills a worker or finds one dead. It finds
processes that descend from the worker or are in the worker's session. A daemon that a job has detached on purpose, with
a second fork and its own session, is neither, and lives on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import psutil

TERMINATE_S: Final = 0.5
"""How long the processes may take to end after SIGTERM."""

_POLL_S: Final = 0.02


def process_tree(pid: int) -> set[psutil.Process]:
    """All processes that descend from this one or are in its session, except itself.

    Once it has ended, and until it is reaped, only those in its session are found.
    """
    found = set(_descendants_of(pid))
    for other in psutil.pids():
        with suppress(OSError, psutil.Error):
            if other != pid and os.getsid(other) == pid:
                found.add(psutil.Process(other))
    return found


def kill(processes: Iterable[psutil.Process]) -> None:
    """Sends SIGKILL; never to another process that has reused one of these ids."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


class JobProcesses:
    """The running processes that the jobs of this process have started.

    Processes that already run when this is created belong to the worker and not to a job: the shut-down hook ends a
    process of the start-up hook, such as a browser.

    Args:
        excluded_pids: returns the process ids of the CPU lane's children, which the lane ends itself.
    """

    def __init__(self, excluded_pids: Callable[[], set[int]]) -> None:
        self._pid = os.getpid()
        self._excluded_pids = excluded_pids
        self._workers_own = {process for process in process_tree(self._pid) if process.pid not in excluded_pids()}

    def find(self) -> frozenset[psutil.Process]:
        """The processes that run now."""
        found, excluded_pids = process_tree(self._pid), self._excluded_pids()
        for own in self._workers_own:
            found -= {own, *_descendants_of(own.pid)}
        return frozenset(process for process in found if process.pid not in excluded_pids)

    async def terminate(self, found_before: frozenset[psutil.Process] = frozenset()) -> None:
        """Ends them with SIGTERM, and soon after with SIGKILL.

        Args:
            found_before: processes found earlier, which are ended too: one whose parent has ended is not found again.
        """
        ending = self.find() | found_before
        for process in ending:
            with suppress(psutil.Error):
                process.terminate()
        await _until_ended(ending)
        # Meanwhile, an abandoned thread may have started others.
        ending |= self.find()
        kill(ending)
        await _until_ended(ending)

    def kill_all(self) -> None:
        """Kills whatever is left, including the worker's own processes; call it last."""
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
