"""The thread lane: runs plain `def` jobs in threads of the worker.

A thread cannot be stopped. If its job is cancelled, it is abandoned: it runs on, nobody waits for it, and another job
gets its slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final

from monarq.shared.calls.return_value import check_return_value
from monarq.shared.payloads.remote_error import as_stand_in, inspectable
from monarq.workers.reporting.worker_record import RunCounters
from monarq.workers.system.forks import FORK_GUARD

_MAX_ABANDONED: Final = 1000
"""How many threads may be abandoned before they take slots from jobs."""


class ThreadLane:
    """Runs calls in threads, as many at a time as it has slots; others wait.

    Args:
        places: how many jobs may run at a time.
        counters: counts abandoned threads while they still run.
        executor: runs the calls. Default: threads of its own.
    """

    def __init__(self, places: int, counters: RunCounters, executor: Executor | None = None) -> None:
        self._counters = counters
        self._places = asyncio.Semaphore(places)
        self._is_lent = executor is not None
        self._threads = executor or ThreadPoolExecutor(places + _MAX_ABANDONED, thread_name_prefix="monarq-job")

    async def run(self, call: Callable[[], object], name: str) -> object:
        """Runs a call and returns its result. If cancelled, it abandons the thread.

        Args:
            call: what to run.
            name: the job's name, for messages.

        Raises:
            BaseException: whatever the call raises.
        """
        async with self._places:
            work = self._threads.submit(copy_context().run, _outcome_of, call, name)
            try:
                value, error = await asyncio.wrap_future(work)
            except asyncio.CancelledError:
                if not work.cancel():
                    self._abandon(work)
                raise
        if error is None:
            return value
        try:
            # A StopIteration that leaves a coroutine would become a RuntimeError.
            raise as_stand_in(error) if isinstance(error, StopIteration) else error
        finally:
            del error  # its traceback refers to this frame

    def stop(self) -> None:
        """Drops the waiting calls; leaves running threads alone."""
        if not self._is_lent:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _abandon(self, work: Future[Any]) -> None:
        self._counters.abandoned_threads += 1
        call_in_loop = asyncio.get_running_loop().call_soon_threadsafe

        def count_down(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody counts any more
                call_in_loop(self._count_down)

        work.add_done_callback(count_down)

    def _count_down(self) -> None:
        self._counters.abandoned_threads -= 1


def _outcome_of(call: Callable[[], object], name: str) -> tuple[object, BaseException | None]:
    """What a call returned or raised, as a value, since a future cannot raise a StopIteration."""
    try:
        return check_return_value(call(), name), None
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        return None, inspectable(error)
    finally:
        FORK_GUARD.exit_if_fork()
