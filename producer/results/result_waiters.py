"""Result waiters of a queue: which futures wait for which jobs. Bookkeeping only, no I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping
from functools import partial
from itertools import islice

from monarq.shared.protocol.producer_queue import ProducerQueue


class ResultWaiter:
    """All futures that wait for one job.

    Attributes:
        job_id: the job's id.
        raw_id: the job's id as bytes, as Redis sends it.
        futures: receive the job's result.
    """

    __slots__ = ("futures", "job_id", "raw_id")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.raw_id = job_id.encode()
        self.futures: list[asyncio.Future[bytes]] = []


class ResultWaiters:
    """All result waiters of one queue.

    Attributes:
        queue: the queue.
        subscribed: whether the queue's channel is subscribed to, so that no end is missed.
    """

    def __init__(self, queue: ProducerQueue) -> None:
        self.queue = queue
        self.subscribed = False
        self._by_job: dict[bytes, ResultWaiter] = {}
        self._due: dict[ResultWaiter, None] = {}
        # In the order in which jobs ended, starting with the first whose result has not arrived yet.
        self._ended: dict[ResultWaiter, bytes | Exception | None] = {}

    def __len__(self) -> int:
        return len(self._by_job)

    def add(self, job_id: str, future: asyncio.Future[bytes]) -> None:
        """Adds a future. The job's result is due to be fetched once the job's end can no longer be missed."""
        waiter = ResultWaiter(job_id)
        waiter = self._by_job.setdefault(waiter.raw_id, waiter)
        waiter.futures.append(future)
        future.add_done_callback(partial(self._remove_cancelled, waiter))
        if self.subscribed:
            self._due[waiter] = None

    def on_ended(self, ended: Iterable[tuple[bytes, bytes | None]], watched: Container[bytes]) -> bool:
        """Resolves the waiters of ended jobs whose results came along in the message, in this order.

        The other jobs are marked as due to be fetched, and jobs that ended after them wait for them.

        Args:
            ended: raw ids of ended jobs, awaited or not, with their results.
            watched: raw ids of jobs whose last report must be fetched before their waiters are resolved.

        Returns:
            Whether any job was marked.
        """
        any_due = False
        for raw_id, result in ended:
            waiter = self._by_job.get(raw_id)
            if waiter is None:
                continue
            if result is None or raw_id in watched:
                self._due[waiter] = None
                self._ended.setdefault(waiter, None)
                any_due = True
            elif self._ended:
                self._ended[waiter] = result
            else:
                self.resolve(waiter, result)
        return any_due

    def mark_all_due(self) -> None:
        """Marks every awaited job as due to be fetched."""
        self._due |= dict.fromkeys(self._by_job.values())

    def take_due(self, limit: int) -> list[ResultWaiter]:
        """Takes up to `limit` waiters for whose jobs the result is due to be fetched."""
        taken = list(islice(self._due, limit))
        for waiter in taken:
            del self._due[waiter]
        return taken

    def on_fetched(self, asked: Iterable[ResultWaiter], outcomes: Mapping[ResultWaiter, bytes | Exception]) -> None:
        """Resolves the waiters of jobs whose results were fetched, and of jobs that ended after them.

        Args:
            asked: the waiters of all jobs whose results were requested.
            outcomes: the results that were found, or errors in their place.
        """
        for waiter in asked:
            outcome = outcomes.get(waiter)
            if waiter not in self._ended:
                if outcome is not None:
                    self.resolve(waiter, outcome)
            elif outcome is not None:
                self._ended[waiter] = outcome
            elif self._ended[waiter] is None:
                del self._ended[waiter]  # by now another job has the same id
        self._resolve_ended()

    def _resolve_ended(self) -> None:
        for waiter, outcome in list(self._ended.items()):
            if outcome is None:
                return
            self.resolve(waiter, outcome)

    def resolve(self, waiter: ResultWaiter, outcome: bytes | Exception) -> None:
        """Sets the job's result, or the error in its place, on all its futures."""
        # Removed before any callback runs, so that a future added from now on gets a new waiter.
        if self._by_job.get(waiter.raw_id) is waiter:
            del self._by_job[waiter.raw_id]
        self._due.pop(waiter, None)
        self._ended.pop(waiter, None)
        for future in waiter.futures:
            if future.done():
                continue
            if isinstance(outcome, bytes):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

    def fail_all(self, make_error: Callable[[], Exception]) -> None:
        """Sets an error on all futures, a separate one for each job."""
        for waiter in list(self._by_job.values()):
            self.resolve(waiter, make_error())

    def _remove_cancelled(self, waiter: ResultWaiter, future: asyncio.Future[bytes]) -> None:
        if not future.cancelled():
            return
        waiter.futures.remove(future)
        if not waiter.futures and self._by_job.get(waiter.raw_id) is waiter:
            del self._by_job[waiter.raw_id]
            self._due.pop(waiter, None)
            if self._ended.pop(waiter, b"") is None:
                self._resolve_ended()
