"""Ctrl-C while a blocking test waits for a drain: the drain is cancelled, and then KeyboardInterrupt is raised.

Python would raise it in whatever the test's thread does at that moment. In a job, it would be taken as the job's
failure; in the wait, the drain would run on behind the test's back.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, TypeVar

T = TypeVar("T")

LIMIT_S: Final = 5.0
"""How long a cancelled drain may take to end; longer only if a job blocks the event loop."""


class CtrlC:
    """Ctrl-C during one drain.

    Attributes:
        came: whether it was pressed.
        is_calling: whether the test's thread calls a job, which it then interrupts.
    """

    def __init__(self) -> None:
        self.came = False
        self.is_calling = False
        self._drain: tuple[asyncio.AbstractEventLoop, asyncio.Task[object]] | None = None
        self._timer: threading.Timer | None = None

    def run(self, wait: Callable[[], T]) -> T:
        """Calls what waits for the drain, and returns its value.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
            BaseException: whatever the call raises.
        """
        # Another thread gets no signals, and another handler is the program's own.
        in_main = threading.current_thread() is threading.main_thread()
        if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return wait()
        signal.signal(signal.SIGINT, self._handle)
        try:
            value = wait()
        except BaseException:
            if self.came:
                raise KeyboardInterrupt from None
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer.join()
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.came:
            raise KeyboardInterrupt
        return value

    @contextmanager
    def cancelling(self) -> Iterator[None]:
        """Lets it cancel the current task during the block."""
        task = asyncio.current_task()
        assert task is not None
        self._drain = asyncio.get_running_loop(), task
        if self.came:
            task.cancel()
        try:
            yield
        finally:
            self._drain = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        is_first, self.came = not self.came, True
        if is_first:
            if self._drain is not None:
                loop, task = self._drain
                with suppress(RuntimeError):  # the loop has just been closed
                    loop.call_soon_threadsafe(task.cancel)
            # As if it was pressed again: the test must not wait for a job that blocks the event loop.
            self._timer = threading.Timer(LIMIT_S, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
            self._timer.daemon = True
            self._timer.start()
        if self.is_calling or not is_first:
            raise KeyboardInterrupt
