"""Reaping: which processes have ended, and the orphans that nobody else will reap.

The supervisor's handler of SIGCHLD calls this. Its own workers are reaped one by one, by their process ids, so that
their exit statuses and memory figures reach their objects. What else has ended is only looked at where this process
is the one that orphans are given to: as PID 1 of a container, or as a subreaper.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Container
from contextlib import suppress
from typing import Final

import psutil

_PR_GET_CHILD_SUBREAPER: Final = 37


def has_ended(pid: int) -> bool:
    """Whether a child of ours has ended; it stays to be reaped, so that until then its number is surely its own."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return _is_zombie(pid)
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def adopts_orphans() -> bool:
    """Whether the system gives orphans to this process."""
    if sys.platform != "linux":
        return False
    is_subreaper = ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(is_subreaper), 0, 0, 0)
    return os.getpid() == 1 or bool(is_subreaper.value)


def reap_orphans(ours: Container[int]) -> int:
    """Reaps what has ended and is not ours; gives how many. Linux only.

    Stops at an ended process that is ours: its SIGCHLD is on its way, and leads here again.
    """
    count = 0
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in ours:
                break
            os.waitpid(ended.si_pid, 0)
            count += 1
    return count


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
