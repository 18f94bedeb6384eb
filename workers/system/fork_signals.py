"""Gives what a job forks the default actions of the signals that its process handles itself.

multiprocessing ends its processes by SIGTERM. This imports next to nothing, because the cpu child's start waits for it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


class ForkSignals:
    """The signals of one process; `own` names those that it handles from then on."""

    def __init__(self) -> None:
        self._thread = threading.local()
        self._ours: dict[int, Any] = {}

    def own(self, numbers: Iterable[signal.Signals]) -> None:
        """The handlers that these signals have now are for this process alone; any others are the job's, and stay."""
        if not self._ours:
            os.register_at_fork(before=self._hold, after_in_parent=self._let_go, after_in_child=self._restore)
        self._ours |= {number: signal.getsignal(number) for number in numbers}

    def _hold(self) -> None:
        """Before a fork. One that is ended as soon as it is made would lose the signal to our handler."""
        self._thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._ours)

    def _let_go(self) -> None:
        """After a fork, where it was made."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._thread.mask)

    def _restore(self) -> None:
        """After a fork, in the new process."""
        for number, handler in self._ours.items():
            if signal.getsignal(number) == handler:
                signal.signal(number, _default_of(number))
        # An event loop hears of signals by this descriptor: what came here would be told to the loop of the parent.
        with suppress(ValueError):
            signal.set_wakeup_fd(-1)
        self._let_go()


def _default_of(number: int) -> signal.Handlers | Any:
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
