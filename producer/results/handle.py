"""Handle of an enqueued job: its result, its state and progress, and its cancellation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Generic, TypeVar, cast

from monarq.producer.results.job_info import JobInfo
from monarq.producer.results.progress_stream import stream_progress
from monarq.producer.results.tracker import Tracker
from monarq.shared.calls.job_types import JobTypes
from monarq.shared.parsing import Duration
from monarq.shared.payloads.progress import Progress
from monarq.shared.protocol.job_state import JobState
from monarq.shared.protocol.producer_queue import ProducerQueue

R_co = TypeVar("R_co", covariant=True)


class Handle(Generic[R_co]):
    """A job by its id, as ``enqueue`` and ``Producer.handle`` return it.

    Attributes:
        job_id: the job's id.
        existed: whether ``enqueue`` found a job or a result of this id and put nothing in.
    """

    __slots__ = ("_queue", "_tracker", "_types", "existed", "job_id")

    def __init__(
        self,
        tracker: Tracker,
        queue: ProducerQueue,
        job_id: str,
        *,
        existed: bool = False,
        types: JobTypes | None = None,
    ) -> None:
        self._tracker = tracker
        self._queue = queue
        self._types = types
        self.job_id = job_id
        self.existed = existed

    def __repr__(self) -> str:
        return f"<handle of job {self.job_id} in {self._queue.ref.label}{', which existed' if self.existed else ''}>"

    @property
    def queue(self) -> str:
        """The name of its queue."""
        return self._queue.ref.name

    async def result(self, timeout: Duration | None = None) -> R_co:
        """Waits until the job has ended, and returns what it returned. It may be called any number of times.

        Args:
            timeout: the `Duration` to wait, such as 30 or "1h30m". Default: without end.

        Raises:
            ResultTimeoutError: the job did not end in time; it goes on.
            ResultNotFoundError: there is no such job, or its result was not kept.
            JobCancelledError: it was cancelled.
            JobFailedError: it raised an error that cannot be rebuilt here.
            JobDeadError: it was abandoned before it ran to its end.
            PayloadError: the result cannot be read; it is pickled, say, and ``allow_pickle`` is not set.
            ResultTypeError: it is not what the job's annotation, or `type=`, says here.
            Exception: what the job raised.
        """
        return cast("R_co", (await self._tracker.wait(self._queue, self.job_id, timeout, self._types)).unwrap())

    async def state(self) -> JobState:
        """What the job is doing now, or how it has ended.

        Raises:
            PayloadError: it has ended, and its result cannot be read; see `result`.
        """
        return await self._tracker.state(self._queue, self.job_id)

    async def info(self) -> JobInfo | None:
        """Its state, times and tries, and what it raised, without waiting; None where nothing is known of it.

        Raises:
            PayloadError: it has ended, and its result cannot be read; see `result`.
        """
        return await self._tracker.info(self._queue, self.job_id)

    async def progress(self) -> Progress | None:
        """The job's last progress report, without waiting; None where there was none, or it ended a while ago."""
        return (await self._tracker.progress(self._queue, [self.job_id]))[0]

    async def watch(self) -> AsyncGenerator[Progress, None]:
        """Yields the job's progress reports as they arrive, until the job has ended, however it did.

        It begins with the last report so far. A slow reader gets the newest report and misses older ones; the last one
        is never missed. Nothing is polled.

        Raises:
            MonarqError: the job cannot be followed any more: Redis refuses, or the producer was closed.
        """
        async with aclosing(stream_progress(self._tracker.listener, [(self, self._queue, self.job_id)])) as reports:
            async for _, progress in reports:
                yield progress

    def on_progress(self, callback: Callable[[Progress], None]) -> Callable[[], None]:
        """Passes each report of the job to a function, on the event loop: `watch` for thousands of jobs at once.

        Args:
            callback: gets the reports, beginning with the last one so far; it must not block.

        Returns:
            A function that ends it; call it when the job has ended.

        Raises:
            ProducerClosedError: the producer is closed.
        """
        listener = self._tracker.listener
        return partial(listener.unwatch, listener.watch(self._queue, self.job_id, callback))

    async def cancel(self, *, timeout: Duration | None = None) -> bool:
        """Stops the job, or keeps it from being started, and waits until it has ended.

        Args:
            timeout: the `Duration` to wait for its end. Default: without end. 0 only asks for it, and does not wait.

        Returns:
            Whether the job has ended cancelled. False where it ended otherwise, is unknown, or kept no result; with a
            timeout of 0 also where it has not ended yet.

        Raises:
            ResultTimeoutError: it did not end in time; the request is kept.
            PayloadError: its result cannot be read; see `result`.
        """
        return await self._tracker.cancel(self._queue, self.job_id, timeout)


def queue_of(handle: Handle[Any]) -> ProducerQueue:
    """The queue of a handle's job."""
    return handle._queue  # noqa: SLF001 - private to users only


def tracker_of(handle: Handle[Any]) -> Tracker:
    """What reads of a handle's job."""
    return handle._tracker  # noqa: SLF001


def plain_handle(handle: Handle[Any]) -> Handle[Any]:
    """A handle of the same job whose result stays the plain value that it travels as, whatever its type is."""
    return Handle(handle._tracker, handle._queue, handle.job_id, existed=handle.existed)  # noqa: SLF001


def types_of_handle(handle: Handle[Any]) -> JobTypes | None:
    """The types that a handle's result is decoded by."""
    return handle._types  # noqa: SLF001
