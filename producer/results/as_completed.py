"""as_completed: yields results in the order in which jobs end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import Any

from monarq.producer.results.attendance import wait_attended
from monarq.producer.results.handle import Handle, queue_of, types_of_handle
from monarq.producer.results.tracker import Tracker

Future = asyncio.Future[bytes]
Ended = asyncio.Queue[tuple[Handle[Any], Future]]


async def as_completed(
    tracker: Tracker, handles: Iterable[Handle[Any]], *, timeout_s: float | None, return_exceptions: bool
) -> AsyncGenerator[tuple[Handle[Any], Any], None]:
    """Yields each handle with its job's result or exception, in the order in which the jobs end.

    Args:
        tracker: waits for the jobs.
        handles: the jobs.
        timeout_s: seconds within which all of them must have ended, or None.
        return_exceptions: whether a job's exception is yielded in place of its result. If not, it is raised here and
            ends the iteration.

    Raises:
        ResultTimeoutError: not all of them ended in time; the error names one that did not.
        Exception: a job's exception, or the reason why its result is not available.
    """
    ended: Ended = asyncio.Queue()
    pending: dict[Future, Handle[Any]] = {}
    deadline_s = None if timeout_s is None else asyncio.get_running_loop().time() + timeout_s
    shown = tracker.redis.shown
    try:
        for handle in handles:
            future = tracker.listener.wait(queue_of(handle), handle.job_id)
            pending[future] = handle
            future.add_done_callback(partial(_put_ended, ended, handle))
        while pending:
            try:
                async with asyncio.timeout_at(deadline_s):
                    handle, future = await (wait_attended(ended.get(), shown) if deadline_s is None else ended.get())
            except TimeoutError:
                left = next(iter(pending.values()))
                raise await tracker.timeout_error(queue_of(left), left.job_id, timeout_s or 0.0) from None
            del pending[future]
            yield handle, _outcome(tracker, handle, future, return_exceptions)
    finally:
        for future in pending:
            _abandon(future)


def _put_ended(ended: Ended, handle: Handle[Any], future: Future) -> None:
    if not future.cancelled():
        ended.put_nowait((handle, future))


def _outcome(tracker: Tracker, handle: Handle[Any], future: Future, return_exceptions: bool) -> Any:
    try:
        return tracker.read(future.result(), handle.job_id, types_of_handle(handle)).unwrap()
    except Exception as error:
        if not return_exceptions:
            raise
        return error


def _abandon(future: Future) -> None:
    # Retrieve the exception, so that asyncio does not log it as never retrieved.
    if not future.cancel() and not future.cancelled():
        future.exception()
