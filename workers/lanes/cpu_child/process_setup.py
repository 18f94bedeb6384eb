"""What a CPU child does to itself before its first job, so that it ends with its worker and not before it.

Called by main() of cpu_child.py. What jobs start (programs and forks) is to notice nothing of it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType

from monarq.workers.system.fork_signals import ForkSignals

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_PR_SET_PDEATHSIG = 1
_OOM_SCORE_RAISE = 200
_OOM_SCORE_MAX = 1000


def die_with_worker(lifeline_fd: int, worker_pid: int) -> None:
    """Sees to it that this process ends when its worker does, by whatever death.

    The worker holds the other end of the lifeline, a pipe that nobody writes to. On Linux its closing makes the kernel
    send SIGKILL to our whole process group: that needs no thread and no GIL, and takes what jobs have started along.
    PDEATHSIG stands beside it for the case that some fork of the worker keeps the pipe open.
    """
    os.set_inheritable(lifeline_fd, False)
    if sys.platform == "linux":
        fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline_fd, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, os.O_ASYNC)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=watch_lifeline, args=(lifeline_fd,), daemon=True).start()
    # The worker may have died before all this stood.
    if os.getppid() != worker_pid:
        os._exit(1)


def watch_lifeline(lifeline_fd: int) -> None:
    """Where the kernel cannot do it: kills our group when the lifeline closes, once a job lets go of the GIL."""
    os.read(lifeline_fd, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def leave_stopping_to_worker() -> None:
    """Makes SIGINT and SIGTERM do nothing here: a service manager sends them to us too, but the worker decides.

    They are handled, not ignored, and no signal is blocked: a program that a job starts begins with the defaults.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, _leave_to_worker)
        signal.siginterrupt(number, False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    ForkSignals().own(STOP_SIGNALS)


def offer_to_oom_killer() -> None:
    """When memory runs out the kernel should rather end this process, whose job can be told, than the worker."""
    with suppress(OSError):
        fd = os.open("/proc/self/oom_score_adj", os.O_RDWR)
        try:
            score = int(os.read(fd, 16)) + _OOM_SCORE_RAISE
            os.pwrite(fd, str(min(score, _OOM_SCORE_MAX)).encode(), 0)
        finally:
            os.close(fd)


class Descriptors:
    """Those that a child needs for as long as it lives: a job may close any of them."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._poll = select.poll()
        for number in numbers:
            self._poll.register(number, 0)

    def are_open(self) -> bool:
        """Whether they all are; what is opened next would come by a closed one's number."""
        return not any(found & select.POLLNVAL for _, found in self._poll.poll(0))


def _leave_to_worker(_number: int, _frame: FrameType | None) -> None:
    """Handles a signal by doing nothing."""
