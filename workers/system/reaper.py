"""Reaping: which child processes have ended and how, and orphans that nobody else will reap.

The supervisor reaps its workers, and a worker its CPU children, by their process ids, so that each exit status and
memory figure reaches the object for that process. Other ended processes are reaped only if the system gives orphans to
this process: as PID 1 of a container, or as a subreaper.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from monarq.workers.system.memory import peak_bytes

_PR_GET_CHILD_SUBREAPER: Final = 37


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended.

    Attributes:
        exit_code: its exit code; None if a signal ended it, or another process reaped it.
        signal_name: the signal that ended it, such as "SIGSEGV"; else None.
        peak_memory_bytes: its peak resident memory; None if another process reaped it.
        reason: why this process killed it; None if it did not.
        peak_is_bound: whether the peak is only an upper bound: the kernel's count starts at our own size when we
        forked.
    """

    exit_code: int | None
    signal_name: str | None
    peak_memory_bytes: int | None
    reason: str | None
    peak_is_bound: bool = False


def reap(pid: int, *, inherited_peak_bytes: int, kill_reason: str | None) -> ExitStatus | None:
    """Takes the exit status of a child of ours; None if it has not ended.

    Args:
        pid: the child.
        inherited_peak_bytes: the start of the kernel's count of its peak memory: our own size when we forked.
        kill_reason: why we sent it SIGKILL, if we did.
    """
    try:
        ended_pid, status, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return ExitStatus(None, None, None, kill_reason)
    if ended_pid == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    peak = peak_bytes(usage)
    return ExitStatus(
        exit_code=code if code >= 0 else None,
        signal_name=signal_name(-code) if code < 0 else None,
        peak_memory_bytes=peak,
        peak_is_bound=peak <= inherited_peak_bytes,
        reason=kill_reason if code == -signal.SIGKILL else None,
    )


def open_pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None if the system has none."""
    if sys.platform == "linux":
        try:
            return os.pidfd_open(pid)
        except OSError:
            return None
    else:
        return None


def signal_name(number: int) -> str:
    """A signal's name such as "SIGSEGV", or "signal 40" for one without."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def has_ended(pid: int) -> bool:
    """Whether a child of ours has ended. Does not reap it: until then, no other process can get its id."""
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


def reap_orphans(own_pids: Container[int]) -> int:
    """Reaps ended processes that are not ours, and returns how many. Linux only.

    Stops at an ended process of ours: its SIGCHLD is on its way and will call this again.
    """
    count = 0
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in own_pids:
                break
            os.waitpid(ended.si_pid, 0)
            count += 1
    return count


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
