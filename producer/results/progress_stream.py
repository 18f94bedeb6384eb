"""Progress stream: yields the progress reports of some jobs until the jobs have ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import Generic, TypeVar

from monarq.producer.results.attendance import wait_attended
from monarq.producer.results.progress_watchers import ProgressWatcher
from monarq.producer.results.result_listener import ResultListener
from monarq.shared.errors import ResultNotFoundError
from monarq.shared.payloads.progress import Progress
from monarq.shared.protocol.producer_queue import ProducerQueue

Future = asyncio.Future[bytes]


H = TypeVar("H")


async def stream_progress(
    listener: ResultListener, jobs: Iterable[tuple[H, ProducerQueue, str]]
) -> AsyncGenerator[tuple[H, Progress], None]:
    """Yields each job's handle with its reports, as they arrive, until all jobs have ended.

    A slow reader gets the newest report of each job and misses older ones, but never the last one.

    Args:
        listener: waits for ends and progress.
        jobs: handles with their jobs' queues and ids.

    Raises:
        MonarqError: the jobs can no longer be followed; see `ResultListener.wait`.
    """
    stream = _ProgressStream[H](listener)
    try:
        for handle, queue, job_id in jobs:
            stream.add(handle, queue, job_id)
        while stream.is_open:
            for pair in await stream.next_reports():
                yield pair
    finally:
        stream.close()


class _ProgressStream(Generic[H]):
    """The jobs that are followed, their new reports, and which jobs have not ended."""

    def __init__(self, listener: ResultListener) -> None:
        self._listener = listener
        self._watchers: dict[Future, ProgressWatcher] = {}
        self._ended: list[Future] = []
        self._newest: dict[H, Progress] = {}
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether any job has not ended yet."""
        return bool(self._watchers)

    def add(self, handle: H, queue: ProducerQueue, job_id: str) -> None:
        """Follows one more job."""
        future = self._listener.wait(queue, job_id)
        self._watchers[future] = self._listener.watch(queue, job_id, partial(self._on_progress, handle))
        future.add_done_callback(self._on_end)

    async def next_reports(self) -> list[tuple[H, Progress]]:
        """Waits for new reports; returns none if jobs have ended without another one."""
        await wait_attended(self._changed.wait(), self._listener.shown)
        self._changed.clear()
        ended, self._ended = self._ended, []
        for future in ended:
            self._listener.unwatch(self._watchers.pop(future))
            _check_end(future)
        newest, self._newest = self._newest, {}
        return list(newest.items())

    def close(self) -> None:
        """Stops following all jobs."""
        for future, watcher in self._watchers.items():
            self._listener.unwatch(watcher)
            # Retrieve the exception, so that asyncio does not log it as never retrieved.
            if not future.cancel() and not future.cancelled():
                future.exception()

    def _on_progress(self, handle: H, progress: Progress) -> None:
        self._newest[handle] = progress
        self._changed.set()

    def _on_end(self, future: Future) -> None:
        if not future.cancelled():
            self._ended.append(future)
            self._changed.set()


def _check_end(future: Future) -> None:
    """Raises the error that prevents a job from being followed. A job that left no result counts as ended."""
    error = future.exception()
    if error is not None and not isinstance(error, ResultNotFoundError):
        raise error
