"""An event loop in a thread of its own, for callers that have none.

A signal handler, and what the garbage collector calls, may interrupt a call anywhere and make another in the same
thread: so no lock is held then that they would wait for, and none that the loop's thread needs to answer them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import uvloop

from monarq.shared.errors import ProducerClosedError, ProducerMisusedError

T = TypeVar("T")


Started = concurrent.futures.Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
"""The loop once it runs, and what ends it when it is set."""

SIGNALS_S: Final = 0.5
"""A signal that comes just before a thread goes to sleep does not wake it: Ctrl-C is seen so late at the latest."""

LONGEST_END_S: Final = 5.0
"""No program is kept from ending for longer, whatever the connections do."""


class LoopThread:
    """Runs coroutines for any number of threads, until it is closed, let go of, or the program ends.

    Args:
        name: the thread's name.
        at_end: what its loop does last.
    """

    def __init__(self, name: str, at_end: Callable[[], Awaitable[None]]) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._closed = False
        started = Started()
        self._thread = threading.Thread(target=_run_loop, args=(started, at_end), name=name, daemon=True)
        self._thread.start()
        self._loop, self._stop = started.result()
        # Also when nobody closes it: a daemon thread that is cut off at the end of the program complains.
        self._finalizer = weakref.finalize(self, _stop_loop, self._pid, self._loop, self._stop, self._thread)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine and waits for it; when that is interrupted, by Ctrl-C say, it is cancelled.

        Raises:
            ProducerClosedError: the thread is closed, or was while it waited.
            ProducerMisusedError: this process is a fork, or the thread is the loop's own.
            BaseException: what the coroutine raised.
        """
        call = _Call(coroutine)
        try:
            self._submit(call)
            return call.wait(self._thread)
        except asyncio.CancelledError:
            if not self._closed and self._thread.is_alive():
                raise  # as the job has
            raise ProducerClosedError from None
        except BaseException:
            # Ctrl-C comes between any two steps: whether the loop has the call already can only be told there.
            self._give_up(call)
            raise

    def close(self) -> None:
        """Ends the thread; callers that wait get ProducerClosedError. May be called again; does nothing in a fork."""
        if os.getpid() == self._pid:
            with self._lock:
                self._closed = True
            self._finalizer()

    def _submit(self, call: _Call[Any]) -> None:
        if os.getpid() != self._pid:
            raise ProducerMisusedError(
                f"this producer was made before a fork, by process {self._pid}, and its thread and connections stayed"
                " there: make one in each process"
            )
        if threading.current_thread() is self._thread:
            raise ProducerMisusedError("a SyncProducer was called from its own event loop, and would wait for itself")
        # Under the lock nothing is handed to a loop that has been told to stop, and would never run it.
        with self._lock:
            if not self._closed:
                with suppress(RuntimeError):  # the loop is closed: a handler closed the producer since the line above
                    self._loop.call_soon_threadsafe(call.begin)
                    return
        raise ProducerClosedError

    def _give_up(self, call: _Call[Any]) -> None:
        # In a fork the lock may be held for ever, by a thread that stayed behind.
        if os.getpid() == self._pid:
            with self._lock, suppress(RuntimeError):
                if not self._closed:
                    self._loop.call_soon_threadsafe(call.give_up)
                    return
        if not call.has_begun:  # otherwise it ends with its loop
            call.give_up()


class _Call(Generic[T]):
    """A coroutine on its way to the loop, where `begin` and `give_up` are called in the order of the caller's steps."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        # Held until the task has ended. A future's lock would be held by its waiter now and then, and the loop's thread
        # would wait for it, while a signal handler on top of that waiter waits for the loop's thread.
        self._running = threading.Lock()
        self._running.acquire()

    @property
    def has_begun(self) -> bool:
        """Whether the loop has taken the coroutine."""
        return self._task is not None

    def wait(self, thread: threading.Thread) -> T:
        """What the coroutine came to in the loop's thread.

        Raises:
            CancelledError: it was cancelled, or the thread ended before it began.
            BaseException: what the coroutine raised.
        """
        while not self._running.acquire(timeout=SIGNALS_S):
            if not thread.is_alive() and not self.has_begun:
                raise asyncio.CancelledError
        assert self._task is not None
        return self._task.result()

    def begin(self) -> None:
        """Runs the coroutine."""
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(self._end)

    def give_up(self) -> None:
        """Nobody waits any more."""
        if self._task is None:
            self._coroutine.close()
        else:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # a waiter that was interrupted never asks, and asyncio would tell of that
        self._running.release()


def _run_loop(started: Started, at_end: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(started, at_end))


async def _serve(started: Started, at_end: Callable[[], Awaitable[None]]) -> None:
    """Lets the loop run until it is told to stop; the runner then cancels what is left."""
    stop = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()
    await at_end()


def _stop_loop(pid: int, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, thread: threading.Thread) -> None:
    if os.getpid() == pid and thread.is_alive():
        loop.call_soon_threadsafe(stop.set)
        # The garbage collector may find a producer that nobody has any more in that very thread.
        if thread is not threading.current_thread():
            thread.join(LONGEST_END_S)
