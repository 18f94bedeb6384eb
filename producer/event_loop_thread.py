"""Event loop thread: an event loop in a thread of its own, for blocking callers.

A signal handler, or a finalizer that the garbage collector runs, may interrupt a call anywhere and make another in the
same thread. So no lock is held that such a call would wait for, nor one that the loop's thread needs to answer it.
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
"""The loop once it runs, and the event that ends it."""

SIGNAL_CHECK_S: Final = 0.5
"""A signal that arrives just before a thread sleeps does not wake it: Ctrl-C is seen at most so much later."""

STOP_TIMEOUT_S: Final = 5.0
"""The end of a program is not delayed for longer, whatever the connections do."""


class LoopThread(Protocol):
    """A thread with an event loop, which runs coroutines for other threads."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine there and waits for it; see `EventLoopThread.run`."""
        ...

    def close(self) -> None:
        """Ends what was started for its callers."""
        ...


class EventLoopThread:
    """Runs coroutines for any number of threads, until it is closed or garbage, or the program ends.

    Args:
        name: the thread's name.
        at_end: awaited last on its loop.
    """

    def __init__(self, name: str, at_end: Callable[[], Awaitable[None]]) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._closed = False
        started = Started()
        self._thread = threading.Thread(target=_run_loop, args=(started, at_end), name=name, daemon=True)
        self._thread.start()
        self._loop, self._stop = started.result()
        # Also when nobody closes it: a daemon thread that is cut off at the end of the program causes error messages.
        self._finalizer = weakref.finalize(self, _stop_loop, self._pid, self._loop, self._stop, self._thread)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine and waits for it; it is cancelled where the wait is interrupted, by Ctrl-C for instance.

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
                raise  # as the job was
            raise ProducerClosedError from None
        except BaseException:
            # Ctrl-C may come between any two steps: only the loop knows whether it has the call already.
            self._cancel(call)
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
        # Under the lock, as a loop that has been told to stop would never run the call.
        with self._lock:
            if not self._closed:
                with suppress(RuntimeError):  # the loop is closed: a handler closed the producer since the line above
                    self._loop.call_soon_threadsafe(call.begin)
                    return
        raise ProducerClosedError

    def _cancel(self, call: _Call[Any]) -> None:
        # In a fork the lock may be held for ever, by a thread that does not exist there.
        if os.getpid() == self._pid:
            with self._lock, suppress(RuntimeError):
                if not self._closed:
                    self._loop.call_soon_threadsafe(call.cancel)
                    return
        if not call.has_begun:  # otherwise it ends with its loop
            call.cancel()


class _Call(Generic[T]):
    """A coroutine on its way to the loop, where `begin` and `cancel` are called in the order of the caller's steps."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        # Held until the task has ended. A future's own lock is held by its waiter now and then; the loop's thread would
        # wait for it, while a signal handler that interrupted the waiter waits for the loop's thread.
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
        """Cancels the coroutine, as nobody waits for it any more."""
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
    """Keeps the loop running until it is told to stop; the runner then cancels what is left."""
    stop = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()
    await at_end()


def _stop_loop(pid: int, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, thread: threading.Thread) -> None:
    if os.getpid() == pid and thread.is_alive():
        loop.call_soon_threadsafe(stop.set)
        # The garbage collector may run the finalizer in that very thread.
        if thread is not threading.current_thread():
            thread.join(STOP_TIMEOUT_S)
