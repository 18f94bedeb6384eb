"""The CPU child's process settings: signals, out-of-memory score and lifeline, so that it ends only with its worker.

Programs and forks that jobs start are not affected.
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

from monarq.workers.system.forks import ForkSignals

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_PR_SET_PDEATHSIG = 1
_OOM_SCORE_RAISE = 200
_OOM_SCORE_MAX = 1000


def die_with_worker(lifeline_fd: int, worker_pid: int) -> None:
    """Makes this process end when its worker does, however the worker ends.

    The worker holds the other end of the lifeline, a pipe that nobody writes to. On Linux, the kernel sends SIGKILL to
    our whole process group when that end closes: this needs no thread and no GIL, and also kills processes of jobs.
    PDEATHSIG is set too, in case some fork of the worker keeps the pipe open.
    """
    os.set_inheritable(lifeline_fd, False)
    if sys.platform == "linux":
        fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline_fd, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, os.O_ASYNC)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=watch_lifeline, args=(lifeline_fd,), daemon=True).start()
    # The worker may have died before all this was set.
    if os.getppid() != worker_pid:
        os._exit(1)


def watch_lifeline(lifeline_fd: int) -> None:
    """For other systems: kills our group when the lifeline closes, once the job releases the GIL."""
    os.read(lifeline_fd, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def disable_stop_signals() -> None:
    """Makes SIGINT and SIGTERM do nothing here: service managers send them to us too, but the worker decides.

    They are handled, not ignored, and no signal is blocked, so that programs started by jobs have the default actions.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, _do_nothing)
        signal.siginterrupt(number, False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    ForkSignals().reset_in_forks(STOP_SIGNALS)


def raise_oom_score() -> None:
    """If memory runs out, the kernel should kill this process, whose failed job is reported, and not the worker."""
    with suppress(OSError):
        fd = os.open("/proc/self/oom_score_adj", os.O_RDWR)
        try:
            score = int(os.read(fd, 16)) + _OOM_SCORE_RAISE
            os.pwrite(fd, str(min(score, _OOM_SCORE_MAX)).encode(), 0)
        finally:
            os.close(fd)


class Descriptors:
    """The descriptors that a child always needs; a job may close any of them."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._poll = select.poll()
        for number in numbers:
            self._poll.register(number, 0)

    def are_open(self) -> bool:
        """Whether they are all open; the next opened file would get the number of a closed one."""
        return not any(found & select.POLLNVAL for _, found in self._poll.poll(0))


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """A signal handler that does nothing."""
