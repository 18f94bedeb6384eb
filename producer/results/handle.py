"""The handle of an enqueued job, with its result, state, progress and cancellation."""

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
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.job_state import JobState
from monarq.shared.protocol.producer_queue import ProducerQueue

R_co = TypeVar("R_co", covariant=True)


class Handle(Generic[R_co]):
    """An enqueued job, as returned by ``enqueue`` and ``Producer.handle``.

    Attributes:
        job_id: the job's id.
        existed: whether ``enqueue`` found a job or a result with this id, and so enqueued nothing.
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
        """Waits until the job has ended, and returns its result. It may be called any number of times.

        Args:
            timeout: the `Duration` to wait, such as 30 or "1h30m". Default: no limit.

        Raises:
            ResultTimeoutError: the job did not end in time; it continues.
            ResultNotFoundError: there is no such job, or its result was not kept.
            JobCancelledError: it was cancelled.
            JobFailedError: it raised an exception that cannot be rebuilt here.
            JobDeadError: it was given up before it ran to completion.
            PayloadError: the result cannot be read, for example because it is pickled and ``allow_pickle`` is not set.
            ResultTypeError: the result does not match the job's annotation, or `type=`, in this process.
            Exception: the job's exception.
        """
        return cast("R_co", (await self._tracker.wait(self._queue, self.job_id, timeout, self._types)).unwrap())

    async def state(self) -> JobState:
        """The job's current state, or how it ended.

        Raises:
            PayloadError: it has ended, and its result cannot be read; see `result`.
        """
        return await self._tracker.state(self._queue, self.job_id)

    async def info(self) -> JobInfo | None:
        """The job's state, times, tries and error, without waiting; None if nothing is known about it.

        Raises:
            PayloadError: it has ended, and its result cannot be read; see `result`.
        """
        return await self._tracker.info(self._queue, self.job_id)

    async def progress(self) -> Progress | None:
        """The job's last progress report, without waiting; None if there was none, or the job ended a while ago."""
        return (await self._tracker.progress(self._queue, [self.job_id]))[0]

    async def watch(self) -> AsyncGenerator[Progress, None]:
        """Yields the job's progress reports as they arrive, until the job has ended in any way.

        It begins with the latest report so far. A slow reader gets the newest report and misses older ones, but never
        the last one. Nothing is polled.

        Raises:
            MonarqError: the job can no longer be followed: Redis refuses, or the producer was closed.
        """
        async with aclosing(stream_progress(self._tracker.listener, [(self, self._queue, self.job_id)])) as reports:
            async for _, progress in reports:
                yield progress

    def on_progress(self, callback: Callable[[Progress], None]) -> Callable[[], None]:
        """Passes each of the job's reports to a function, on the event loop: as `watch`, but for thousands of jobs.

        Args:
            callback: takes the reports, beginning with the latest one so far. It must not block.

        Returns:
            A function that stops this; call it when the job has ended.

        Raises:
            ProducerClosedError: the producer is closed.
        """
        listener = self._tracker.listener
        return partial(listener.unwatch, listener.watch(self._queue, self.job_id, callback))

    async def cancel(self, *, timeout: Duration | None = None) -> bool:
        """Cancels the job, whether it is running or waiting, and waits until it has ended.

        Args:
            timeout: the `Duration` to wait for its end; 0 requests the cancellation without waiting. Default: no limit.

        Returns:
            Whether the job was cancelled. False if it ended in another way, is unknown, or kept no result; with a
            timeout of 0 also if it has not ended yet.

        Raises:
            ResultTimeoutError: the job did not end in time; the request stays in effect.
            PayloadError: the job's result cannot be read; see `result`.
        """
        return await self._tracker.cancel(self._queue, self.job_id, timeout)


def queue_of(handle: Handle[Any]) -> ProducerQueue:
    """The queue of a handle's job."""
    return handle._queue  # noqa: SLF001 - private to users only


def tracker_of(handle: Handle[Any]) -> Tracker:
    """The tracker of a handle's job."""
    return handle._tracker  # noqa: SLF001


async def wait_for_end(handle: Handle[Any], timeout: Duration | None) -> Result:
    """The result of a handle's job once it has ended, with the plain value, which is not converted to the job's type.

    Raises:
        MonarqError: how the job ended is not known: it did not end in time, or its result was not kept or cannot be
            read.
    """
    return await handle._tracker.wait(handle._queue, handle.job_id, timeout)  # noqa: SLF001


def types_of_handle(handle: Handle[Any]) -> JobTypes | None:
    """The types by which a handle's result is decoded."""
    return handle._types  # noqa: SLF001
