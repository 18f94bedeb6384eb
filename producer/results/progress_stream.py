"""Progress stream: yields the progress reports of some jobs until the jobs have ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import Generic, Protocol, TypeVar

from monarq.producer.results.progress_watchers import ProgressWatcher
from monarq.producer.results.result_listener import ResultListener
from monarq.shared.errors import ResultNotFoundError
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.payloads.progress import Progress

Future = asyncio.Future[bytes]


class JobAddress(Protocol):
    """A job by its queue and id, as a handle is."""

    keys: QueueKeys
    job_id: str


A = TypeVar("A", bound=JobAddress)


async def stream_progress(listener: ResultListener, jobs: Iterable[A]) -> AsyncGenerator[tuple[A, Progress], None]:
    """Yields each job with its reports, as they arrive, until all jobs have ended.

    A slow reader gets the newest report of each job and misses older ones; the last one is never missed.

    Raises:
        MonarqError: the jobs cannot be followed any more; see `ResultListener.wait`.
    """
    stream = _ProgressStream[A](listener)
    try:
        for job in jobs:
            stream.add(job)
        while stream.is_open:
            for pair in await stream.next_reports():
                yield pair
    finally:
        stream.close()


class _ProgressStream(Generic[A]):
    """Some jobs, their new reports, and which of them have not ended."""

    def __init__(self, listener: ResultListener) -> None:
        self._listener = listener
        self._watchers: dict[Future, ProgressWatcher] = {}
        self._ended: list[Future] = []
        self._newest: dict[A, Progress] = {}
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether there is a job that has not ended yet."""
        return bool(self._watchers)

    def add(self, job: A) -> None:
        """Follows one more job."""
        future = self._listener.wait(job.keys, job.job_id)
        self._watchers[future] = self._listener.watch(job.keys, job.job_id, partial(self._on_progress, job))
        future.add_done_callback(self._on_end)

    async def next_reports(self) -> list[tuple[A, Progress]]:
        """Waits for new reports; returns none where jobs have ended without another one."""
        await self._changed.wait()
        self._changed.clear()
        ended, self._ended = self._ended, []
        for future in ended:
            self._listener.unwatch(self._watchers.pop(future))
            _check_end(future)
        newest, self._newest = self._newest, {}
        return list(newest.items())

    def close(self) -> None:
        """Follows none of them any more."""
        for future, watcher in self._watchers.items():
            self._listener.unwatch(watcher)
            # Asked for its exception, a future that nobody awaits does not complain about it.
            if not future.cancel() and not future.cancelled():
                future.exception()

    def _on_progress(self, job: A, progress: Progress) -> None:
        self._newest[job] = progress
        self._changed.set()

    def _on_end(self, future: Future) -> None:
        if not future.cancelled():
            self._ended.append(future)
            self._changed.set()


def _check_end(future: Future) -> None:
    """Raises the error that keeps a job from being followed; a job that left no result has ended like any other."""
    error = future.exception()
    if error is not None and not isinstance(error, ResultNotFoundError):
        raise error
