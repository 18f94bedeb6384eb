"""How a CPU child ended: seen, reaped and put into a value. Used by ChildProcess."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import Final

from monarq.workers.lanes.child_protocol import SPOILED_EXIT

STOPPED: Final = "the CPU lane was stopped"
SOCKET_CLOSED: Final = "a job closed the socket between the CPU child and its worker"
SOCKET_MISUSED: Final = "a job wrote into the socket between the CPU child and its worker"
NOT_BEGUN: Final = "it did not begin the job that it was sent"

_MAXRSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child ended.

    Attributes:
        exit_code: its exit code; None when a signal ended it, or when somebody else reaped it.
        signal_name: the signal that ended it, such as "SIGSEGV"; else None.
        peak_memory_bytes: the most resident memory it ever had; None when somebody else reaped it.
        reason: why this process killed it, or what it found spoiled; None for neither.
        peak_is_bound: whether it may have been less: the kernel counts from what we held ourselves when we forked.
    """

    exit_code: int | None
    signal_name: str | None
    peak_memory_bytes: int | None
    reason: str | None
    peak_is_bound: bool = False


def reap(pid: int, *, inherited_peak_bytes: int, kill_reason: str | None) -> ChildEnd | None:
    """Takes the exit status of a child of ours; None when it has not ended.

    Args:
        pid: the child.
        inherited_peak_bytes: where the kernel's count of its peak memory began: at our own size when we forked.
        kill_reason: why we sent it SIGKILL, if we did.
    """
    try:
        ended_pid, status, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return ChildEnd(None, None, None, kill_reason)
    if ended_pid == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    peak_bytes = usage.ru_maxrss * _MAXRSS_UNIT_BYTES
    return ChildEnd(
        exit_code=code if code >= 0 else None,
        signal_name=signal_name(-code) if code < 0 else None,
        peak_memory_bytes=peak_bytes,
        peak_is_bound=peak_bytes <= inherited_peak_bytes,
        reason=_reason(code, kill_reason),
    )


def _reason(code: int, kill_reason: str | None) -> str | None:
    if code == SPOILED_EXIT:
        return SOCKET_CLOSED
    return kill_reason if code == -signal.SIGKILL else None


def open_pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where the system has none."""
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
