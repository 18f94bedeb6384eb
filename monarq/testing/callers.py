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

from monarq.testing.ctrl_c import CtrlC

T = TypeVar("T")


class CallingThread(Executor):
    """Runs submitted calls in the thread that is in `wait`.

    Args:
        ctrl_c: Ctrl-C during the drain.
    """

    def __init__(self, ctrl_c: CtrlC) -> None:
        self._ctrl_c = ctrl_c
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
            _run(self._ctrl_c, *call)
        return awaited.result()


class DjangoThread(Executor):
    """Runs submitted calls in asgiref's thread for thread-sensitive code.

    Args:
        ctrl_c: Ctrl-C during the drain, where that is the test's thread.
    """

    def __init__(self, ctrl_c: CtrlC | None = None) -> None:
        self._ctrl_c = ctrl_c or CtrlC()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See `concurrent.futures.Executor`; called on the event loop, in a task."""
        from asgiref.sync import sync_to_async

        future: Future[T] = Future()
        run = sync_to_async(_run, thread_sensitive=True)
        task = asyncio.ensure_future(run(self._ctrl_c, future, lambda: fn(*args, **kwargs)))
        task.add_done_callback(lambda _: future.cancel())  # if it was cancelled before it ran
        return future


def uses_django() -> bool:
    """Whether this process runs Django."""
    return "django" in sys.modules


def _run(ctrl_c: CtrlC, future: Future[Any], call: Callable[[], Any]) -> None:
    if ctrl_c.came or not future.set_running_or_notify_cancel():
        return
    try:
        ctrl_c.is_calling = True
        value = call()
        ctrl_c.is_calling = False
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        ctrl_c.is_calling = False
        if not ctrl_c.came:
            future.set_exception(error)
    else:
        # A call that was interrupted has no outcome, whatever it made of that: its job is handed back.
        if not ctrl_c.came:
            future.set_result(value)
