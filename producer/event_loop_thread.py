"""Event loop thread: an event loop in its own thread, for blocking callers.

A signal handler, or a finalizer run by the garbage collector, may interrupt a call at any point and make another call
in the same thread. So a call must not hold a lock that such a nested call would wait for, or that the loop's thread
needs to answer it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

import uvloop

from monarq.shared.errors import ProducerClosedError, ProducerMisusedError

T = TypeVar("T")


Started = concurrent.futures.Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
"""The loop once it runs, and the event that stops it."""

SIGNAL_CHECK_S: Final = 0.5
"""The longest sleep. A signal that arrives just before a thread sleeps does not wake it, so Ctrl-C may be seen this
much later."""

STOP_TIMEOUT_S: Final = 5.0
"""The longest that closing connections may delay the end of a program."""


class LoopThread(Protocol):
    """A thread with an event loop, which runs coroutines for other threads."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine there and waits for it; see `EventLoopThread.run`."""
        ...

    def close(self) -> None:
        """Stops everything that was started for its callers."""
        ...


class EventLoopThread:
    """Runs coroutines for any number of threads, until it is closed or garbage-collected, or the program ends.

    Args:
        name: the thread's name.
        at_end: awaited on its loop as the last step.
    """

    def __init__(self, name: str, at_end: Callable[[], Awaitable[None]]) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._closed = False
        started = Started()
        self._thread = threading.Thread(target=_run_loop, args=(started, at_end), name=name, daemon=True)
        self._thread.start()
        self._loop, self._stop = started.result()
        # Also if it is never closed: a daemon thread that is cut off at the end of the program causes error messages.
        self._finalizer = weakref.finalize(self, _stop_loop, self._pid, self._loop, self._stop, self._thread)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine and waits for it. If the wait is interrupted, such as by Ctrl-C, it is cancelled.

        Raises:
            ProducerClosedError: the thread is closed, or was closed during the wait.
            ProducerMisusedError: this process is a fork, or the caller is the loop's own thread.
            BaseException: whatever the coroutine raised.
        """
        call = _Call(coroutine)
        try:
            self._submit(call)
            return call.wait(self._thread)
        except asyncio.CancelledError:
            if not self._closed and self._thread.is_alive():
                raise  # the job itself was cancelled
            raise ProducerClosedError from None
        except BaseException:
            # Ctrl-C may come between any two steps: only the loop knows whether it has received the call.
            self._cancel(call)
            raise

    def close(self) -> None:
        """Stops the thread; waiting callers get ProducerClosedError. May be called again; does nothing in a fork."""
        if os.getpid() == self._pid:
            with self._lock:
                self._closed = True
            self._finalizer()

    def _submit(self, call: _Call[Any]) -> None:
        if os.getpid() != self._pid:
            raise ProducerMisusedError(
                f"this producer was made before a fork, in process {self._pid}, and its thread and connections exist"
                " only there: make a producer in each process"
            )
        if threading.current_thread() is self._thread:
            raise ProducerMisusedError(
                "a SyncProducer was called on its own event loop, where it would wait for itself: call it in another"
                " thread"
            )
        # Under the lock, as a loop that is stopping would never run the call.
        with self._lock:
            if not self._closed:
                with suppress(RuntimeError):  # the loop is closed: a signal handler has just closed the producer
                    self._loop.call_soon_threadsafe(call.begin)
                    return
        raise ProducerClosedError

    def _cancel(self, call: _Call[Any]) -> None:
        # In a fork the lock may be held forever, by a thread that does not exist there.
        if os.getpid() == self._pid:
            with self._lock, suppress(RuntimeError):
                if not self._closed:
                    self._loop.call_soon_threadsafe(call.cancel)
                    return
        if not call.has_begun:  # a call that has begun ends with its loop
            call.cancel()


class _Call(Generic[T]):
    """A coroutine on its way to the loop, which calls `begin` and `cancel` in the order of the caller's steps."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        # Held until the task has ended. A future is no alternative: its waiter holds its lock now and then, and the
        # loop's thread would wait for it while a signal handler that interrupted the waiter waits for the loop.
        self._running = threading.Lock()
        self._running.acquire()

    @property
    def has_begun(self) -> bool:
        """Whether the loop has taken the coroutine."""
        return self._task is not None

    def wait(self, thread: threading.Thread) -> T:
        """Waits for the coroutine in the loop's thread, and returns its result.

        Raises:
            CancelledError: it was cancelled, or the thread ended before it began.
            BaseException: what the coroutine raised.
        """
        while not self._running.acquire(timeout=SIGNAL_CHECK_S):
            if not thread.is_alive() and not self.has_begun:
                raise asyncio.CancelledError
        assert self._task is not None
        return self._task.result()

    def begin(self) -> None:
        """Runs the coroutine."""
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Cancels the coroutine, as nobody waits for it anymore."""
        if self._task is None:
            self._coroutine.close()
        else:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # asyncio would log an exception that an interrupted waiter never retrieves
        self._running.release()


def _run_loop(started: Started, at_end: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(started, at_end))


async def _serve(started: Started, at_end: Callable[[], Awaitable[None]]) -> None:
    """Keeps the loop running until it is stopped; the runner then cancels the remaining tasks."""
    stop = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()
    await at_end()


def _stop_loop(pid: int, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, thread: threading.Thread) -> None:
    if os.getpid() == pid and thread.is_alive():
        loop.call_soon_threadsafe(stop.set)
        # The garbage collector may run the finalizer in the loop's own thread.
        if thread is not threading.current_thread():
            thread.join(STOP_TIMEOUT_S)
