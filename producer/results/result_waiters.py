"""Who waits for which job: the listener's memory, without any I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import islice

from monarq.shared.redis.keys import QueueKeys


class Waiter:
    """All those who wait for one job.

    Attributes:
        job_id: the job's id.
        raw_id: the same as Redis tells it.
    """

    __slots__ = ("futures", "job_id", "raw_id")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.raw_id = job_id.encode()
        self.futures: list[asyncio.Future[bytes]] = []


class QueueWaiters:
    """All those who wait for jobs of one queue.

    Attributes:
        keys: the queue's keys.
        heard: whether the queue's channel is being heard, so that no end is missed.
    """

    def __init__(self, keys: QueueKeys) -> None:
        self.keys = keys
        self.heard = False
        self._waiting: dict[bytes, Waiter] = {}
        self._due: dict[Waiter, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, job_id: str, future: asyncio.Future[bytes]) -> None:
        """One more waits for the job; the job is due to be looked at once its end cannot be missed any more."""
        waiter = Waiter(job_id)
        waiter = self._waiting.setdefault(waiter.raw_id, waiter)
        waiter.futures.append(future)
        future.add_done_callback(partial(self._leave, waiter))
        if self.heard:
            self._due[waiter] = None

    def tell(self, raw_ids: list[bytes]) -> bool:
        """These jobs have ended: those that are waited for are due, in this order. Whether there is one."""
        found = [waiter for raw_id in raw_ids if (waiter := self._waiting.get(raw_id)) is not None]
        self._due |= dict.fromkeys(found)
        return bool(found)

    def make_all_due(self) -> None:
        """Every job that is waited for is due."""
        self._due |= dict.fromkeys(self._waiting.values())

    def take_due(self, limit: int) -> list[Waiter]:
        """The next jobs to look at, at most so many."""
        taken = list(islice(self._due, limit))
        for waiter in taken:
            del self._due[waiter]
        return taken

    def end(self, waiter: Waiter, outcome: bytes | Exception) -> None:
        """The job's result, or why there is none, for all who wait for it."""
        # Left before any callback runs: whoever comes from now on makes a waiter of its own.
        if self._waiting.get(waiter.raw_id) is waiter:
            del self._waiting[waiter.raw_id]
        self._due.pop(waiter, None)
        for future in waiter.futures:
            if future.done():
                continue
            if isinstance(outcome, bytes):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

    def end_all(self, make_error: Callable[[], Exception]) -> None:
        """Whoever waits here gets an error, each one of their own."""
        for waiter in list(self._waiting.values()):
            self.end(waiter, make_error())

    def _leave(self, waiter: Waiter, future: asyncio.Future[bytes]) -> None:
        """Somebody waits no more: cancelled, or out of time."""
        if not future.cancelled():
            return
        waiter.futures.remove(future)
        if not waiter.futures and self._waiting.get(waiter.raw_id) is waiter:
            del self._waiting[waiter.raw_id]
            self._due.pop(waiter, None)
