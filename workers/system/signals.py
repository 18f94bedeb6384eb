"""Signal handlers on the event loop, for the supervisor and for the worker process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from monarq.workers.system.forks import ForkSignals

_FORK_SIGNALS: Final = ForkSignals()


@contextmanager
def handling(handlers: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """The running loop calls these inside the block; after it, and in forks, the signals have their default actions.

    The loop must be the main thread's.
    """
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    _FORK_SIGNALS.reset_in_forks(handlers)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


def has_terminal() -> bool:
    """Whether this process belongs to a terminal that still exists."""
    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    os.close(fd)
    return True


def hangup_means_stop() -> bool:
    """Whether SIGHUP may mean that our terminal was closed: we have a terminal, and were not started by `nohup`."""
    return signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and has_terminal()
