"""The threads in which thread and cpu jobs are called during a drain, as their code may depend on the thread.

A blocking test waits for a drain in its own thread. Meanwhile the jobs are called in that thread, so that they can use
what belongs to it, such as a database connection with the test's transaction. In Django tests, even async ones, that
thread is the one that asgiref uses for thread-sensitive code.
"""

from __future__ import annotations

import asyncio
import queue
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class CallingThread(Executor):
    """Runs submitted calls in the thread that is in `wait`."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See `concurrent.futures.Executor`."""
        future: Future[T] = Future()
        self._calls.put((future, lambda: fn(*args, **kwargs)))
        return future

    def wait(self, awaited: Future[T]) -> T:
        """Runs calls until a future is done, and returns its result.

        Raises:
            BaseException: whatever the future raises.
        """
        awaited.add_done_callback(lambda _: self._calls.put(None))
        while (call := self._calls.get()) is not None:
            _run(*call)
        return awaited.result()


class DjangoThread(Executor):
    """Runs submitted calls in asgiref's thread for thread-sensitive code."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See `concurrent.futures.Executor`; called on the event loop, in a task."""
        from asgiref.sync import sync_to_async

        future: Future[T] = Future()
        task = asyncio.ensure_future(sync_to_async(_run, thread_sensitive=True)(future, lambda: fn(*args, **kwargs)))
        task.add_done_callback(lambda _: future.cancel())  # if it was cancelled before it ran
        return future


def uses_django() -> bool:
    """Whether this process runs Django."""
    return "django" in sys.modules


def _run(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        value = call()
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        future.set_exception(error)
    else:
        future.set_result(value)
