"""Job tracker: reads results, status and progress of jobs for their handles, and requests aborts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from monarq.producer.results.result_listener import ResultListener
from monarq.producer.results.status import JobStatus, decide_status, status_commands
from monarq.shared.errors import ResultNotFoundError, ResultTimeoutError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.abort import abort
from monarq.shared.formats.arq.jobs.progress import progress_command
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.parsing import Duration, to_seconds
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.answers import AbortAnswer
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.command_retry import CommandRetry
from monarq.shared.redis.redis_errors import REDIS_ERRORS
from monarq.shared.redis.scripts import Argument


class Tracker:
    """Tracks the jobs of one producer.

    Args:
        redis: for commands that are answered at once.
        listener: waits for ends and progress.
        codecs: the formats that results may be in.
        retry_for_s: seconds for which a command is repeated while Redis is not reachable.

    Attributes:
        listener: waits for ends and progress.
    """

    def __init__(self, redis: RedisClient, listener: ResultListener, codecs: Codecs, retry_for_s: float) -> None:
        self._redis = redis
        self.listener = listener
        self._codecs = codecs
        self._retry_for_s = retry_for_s

    async def progress(self, keys: QueueKeys, job_ids: Sequence[str]) -> list[Progress | None]:
        """The last progress report of each of these jobs."""
        [values] = await self._ask(progress_command(keys, job_ids))
        return [None if value is None else decode_progress(value) for value in values]

    def read(self, data: bytes, job_id: str) -> Result:
        """Decodes a job's result.

        Raises:
            PayloadError: it is not a result, is pickled where that is not allowed, or is not signed by our key.
        """
        return Result.read(data, self._codecs, job_id.encode())

    async def wait(self, keys: QueueKeys, job_id: str, timeout: Duration | None) -> Result:
        """Waits until the job has ended; its result.

        Raises:
            ResultTimeoutError: it did not end in time.
            MonarqError: see `ResultListener.wait` and `read`.
        """
        timeout_s = to_seconds(timeout, "timeout")
        if timeout_s is None:
            return self.read(await self.listener.wait(keys, job_id), job_id)
        try:
            async with asyncio.timeout(timeout_s):
                data = await self.listener.wait(keys, job_id)
        except TimeoutError:
            raise ResultTimeoutError(job_id, timeout_s) from None
        return self.read(data, job_id)

    async def result_info(self, job_id: str) -> Result | None:
        """The job's result if it exists now."""
        [data] = await self._ask(("GET", names.result(job_id)))
        return None if data is None else self.read(data, job_id)

    async def status(self, keys: QueueKeys, job_id: str) -> JobStatus:
        """The job's status."""
        return decide_status(*await self._ask(*status_commands(keys, job_id)))

    async def abort(self, keys: QueueKeys, job_id: str, timeout: Duration | None) -> bool:
        """Requests the job's abort and waits for its end; whether it ended because of an abort."""
        if await self._request_abort(keys, job_id) is AbortAnswer.UNKNOWN:
            result = await self.result_info(job_id)
            return result is not None and was_aborted(result)
        try:
            return was_aborted(await self.wait(keys, job_id, timeout))
        except ResultNotFoundError:
            # Its result was not kept, so how it ended is not known, as with arq.
            return False

    async def _request_abort(self, keys: QueueKeys, job_id: str) -> AbortAnswer:
        attempts = CommandRetry(self._retry_for_s)
        while True:
            try:
                return await abort(self._redis, keys, job_id)
            except REDIS_ERRORS as error:
                await attempts.wait_after(error, self._redis.shown)

    async def _ask(self, *commands: tuple[Argument, ...]) -> list[Any]:
        attempts = CommandRetry(self._retry_for_s)
        while True:
            try:
                return await self._redis.execute(*commands)
            except REDIS_ERRORS as error:
                await attempts.wait_after(error, self._redis.shown)


def was_aborted(result: Result) -> bool:
    """Whether the job ended because somebody aborted it."""
    return not result.success and isinstance(result.value, asyncio.CancelledError)
