"""Gives the progress of jobs as they tell it, until they have ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from monarq.producer.results.progress_watchers import Watch
from monarq.producer.results.tracker import Tracker
from monarq.shared.errors import ResultNotFoundError
from monarq.shared.payloads.progress import Progress

if TYPE_CHECKING:
    from monarq.producer.results.handle import Handle

Future = asyncio.Future[bytes]


async def iterate_progress(
    tracker: Tracker, handles: Iterable[Handle[Any]]
) -> AsyncGenerator[tuple[Handle[Any], Progress], None]:
    """Each handle with what its job tells, as it tells it, until all jobs have ended.

    Whoever is slow sees the newest report of each job and misses older ones; the last one is never missed.

    Raises:
        MonarqError: the jobs cannot be followed any more; see `Listener.wait`.
    """
    following = _Following(tracker)
    try:
        for handle in handles:
            following.add(handle)
        while following.goes_on:
            for pair in await following.next_reports():
                yield pair
    finally:
        following.stop()


class _Following:
    """Some jobs, what is new of them, and which have not ended."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._watches: dict[Future, Watch] = {}
        self._ended: list[Future] = []
        self._newest: dict[Handle[Any], Progress] = {}
        self._news = asyncio.Event()

    @property
    def goes_on(self) -> bool:
        """Whether there is a job whose end was not seen."""
        return bool(self._watches)

    def add(self, handle: Handle[Any]) -> None:
        """One more job."""
        future = self._tracker.expect(handle.keys, handle.job_id)
        self._watches[future] = self._tracker.watch(handle.keys, handle.job_id, partial(self._note, handle))
        future.add_done_callback(self._note_end)

    async def next_reports(self) -> list[tuple[Handle[Any], Progress]]:
        """What is new, when there is something; nothing where jobs have ended that told nothing more."""
        await self._news.wait()
        self._news.clear()
        ended, self._ended = self._ended, []
        for future in ended:
            self._tracker.unwatch(self._watches.pop(future))
            _check_end(future)
        newest, self._newest = self._newest, {}
        return list(newest.items())

    def stop(self) -> None:
        """Follows none of them any more."""
        for future, watch in self._watches.items():
            self._tracker.unwatch(watch)
            # Asked for its exception, a future that nobody awaits does not complain about it.
            if not future.cancel() and not future.cancelled():
                future.exception()

    def _note(self, handle: Handle[Any], progress: Progress) -> None:
        self._newest[handle] = progress
        self._news.set()

    def _note_end(self, future: Future) -> None:
        if not future.cancelled():
            self._ended.append(future)
            self._news.set()


def _check_end(future: Future) -> None:
    """Raises what keeps a job from being followed; a job that has left no result has ended like any other."""
    error = future.exception()
    if error is not None and not isinstance(error, ResultNotFoundError):
        raise error
