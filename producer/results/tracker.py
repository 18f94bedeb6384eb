"""Job tracker: reads results, states and progress of jobs for their handles, and cancels jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from monarq.producer.results.attendance import wait_attended
from monarq.producer.results.job_info import JobInfo, describe_job, ended_state
from monarq.producer.results.last_look import timeout_error
from monarq.producer.results.result_listener import ResultListener
from monarq.shared.calls.job_types import JobTypes
from monarq.shared.errors import ResultNotFoundError, ResultTimeoutError
from monarq.shared.formats.choice.producers import read_facts
from monarq.shared.parsing import Duration, to_seconds
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.job_state import JobState
from monarq.shared.protocol.producer_queue import ProducerQueue, Unfinished
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.command_retry import CommandRetry
from monarq.shared.redis.redis_errors import REDIS_ERRORS

T = TypeVar("T")


class Tracker:
    """Tracks the jobs of one producer.

    Args:
        redis: the client for commands that are answered at once.
        listener: waits for ends and progress.
        codecs: the formats that results may have.
        retry_for_s: seconds for which a command is retried while Redis is unreachable.

    Attributes:
        redis: the client for commands that are answered at once.
        listener: waits for ends and progress.
        codecs: the formats that results may have.
    """

    def __init__(self, redis: RedisClient, listener: ResultListener, codecs: Codecs, retry_for_s: float) -> None:
        self.redis = redis
        self.listener = listener
        self.codecs = codecs
        self._retry_for_s = retry_for_s

    async def progress(self, queue: ProducerQueue, job_ids: Sequence[str]) -> list[Progress | None]:
        """The last progress report of each of these jobs."""
        reports = await self.repeat(partial(queue.find_progress, self.redis, job_ids))
        return [None if report is None else decode_progress(report) for report in reports]

    def read(self, data: bytes, job_id: str, types: JobTypes | None = None) -> Result:
        """Decodes a job's result, and converts its value by `types` if they are known.

        Raises:
            PayloadError: it is not a result, is pickled although that is not allowed, or is not signed by our key.
        """
        return Result.read(data, self.codecs, job_id.encode(), None if types is None else types.result.decode)

    async def wait(
        self, queue: ProducerQueue, job_id: str, timeout: Duration | None, types: JobTypes | None = None
    ) -> Result:
        """Waits until the job has ended, and returns its result.

        Raises:
            ResultTimeoutError: it did not end in time.
            MonarqError: see `ResultListener.wait` and `read`.
        """
        timeout_s = to_seconds(timeout, "timeout")
        if timeout_s is None:
            data = await wait_attended(self.listener.wait(queue, job_id), self.redis.shown)
            return self.read(data, job_id, types)
        try:
            async with asyncio.timeout(timeout_s):
                data = await self.listener.wait(queue, job_id)
        except TimeoutError:
            raise await self.timeout_error(queue, job_id, timeout_s) from None
        return self.read(data, job_id, types)

    async def timeout_error(self, queue: ProducerQueue, job_id: str, timeout_s: float) -> ResultTimeoutError:
        """The error for a job that did not end in time; it takes at most a second to find out what is known."""
        return await timeout_error(self.redis, self.listener, queue.ref, job_id, timeout_s)

    async def state(self, queue: ProducerQueue, job_id: str) -> JobState:
        """The job's state.

        Raises:
            PayloadError: see `read`.
        """
        while (state := await self.repeat(partial(queue.find_state, self.redis, job_id))) == "ended":
            found = await self._find_result(queue, job_id)
            if isinstance(found, Result):
                return ended_state(found)
            if found is Unfinished.GONE:  # it ended in between
                return JobState.UNKNOWN
        return JobState(state)

    async def info(self, queue: ProducerQueue, job_id: str) -> JobInfo | None:
        """What is known about the job; None if nothing is.

        Raises:
            PayloadError: see `read`.
        """
        facts = await self.repeat(partial(read_facts, self.redis, queue.ref, job_id))
        result = None
        if facts.state is None and facts.result_bytes is not None:
            result = await self.find_result(queue, job_id)
        return describe_job(job_id, queue.ref, facts, result)

    async def cancel(self, queue: ProducerQueue, job_id: str, timeout: Duration | None) -> bool:
        """Requests the job's cancellation and, unless the timeout is 0, waits; returns whether it was cancelled."""
        timeout_s = to_seconds(timeout, "timeout")
        answer = await self.repeat(partial(queue.cancel, self.redis, job_id))
        if answer is CancelAnswer.ENDED:
            return True
        if answer is CancelAnswer.UNKNOWN or timeout_s == 0:
            found = await self._find_result(queue, job_id)
            return isinstance(found, Result) and found.was_cancelled
        try:
            return (await self.wait(queue, job_id, timeout_s)).was_cancelled
        except ResultNotFoundError:
            # Its result was not kept, so it is unknown how it ended, as in arq.
            return False

    async def find_result(self, queue: ProducerQueue, job_id: str) -> Result | None:
        """The job's result if it exists now.

        Raises:
            PayloadError: see `read`.
        """
        found = await self._find_result(queue, job_id)
        return found if isinstance(found, Result) else None

    async def _find_result(self, queue: ProducerQueue, job_id: str) -> Result | Unfinished:
        """The job's result if it exists now."""
        [found] = await self.repeat(partial(queue.find_results, self.redis, [job_id]))
        return found if isinstance(found, Unfinished) else self.read(found, job_id)

    async def repeat(self, call: Callable[[], Awaitable[T]]) -> T:
        """The reply to an idempotent call, which is retried while Redis is unreachable."""
        attempts = CommandRetry(self._retry_for_s)
        while True:
            try:
                return await call()
            except REDIS_ERRORS as error:
                await attempts.wait_after(error, self.redis.shown)
