"""Submitter: sends an enqueue to Redis, and retries it until its outcome is known.

A command whose reply was lost may have been executed. It is sent again marked as a repetition
(`EnqueueMode.REPEATED`), so that Redis can answer whether the job is in the queue already. The outcome is "enqueued",
"not enqueued" or, if no attempt can find out, "unknown".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from monarq.producer.enqueue.serializer import Envelope
from monarq.shared.errors import EnqueueUnknownError, ProducerClosedError, RedisRefusedError, RedisUnavailableError
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.command_retry import CommandRetry
from monarq.shared.redis.redis_errors import REDIS_ERRORS

CALL_BYTES: Final = 8
"""How many random bytes name a call; the name must be unique for as long as the call may be repeated."""


class Submitter:
    """Puts each job into its queue exactly once, even if connections break.

    Args:
        redis: the connections.
        retry_for_s: seconds for which a failed call is retried.
    """

    def __init__(self, redis: RedisClient, retry_for_s: float) -> None:
        self._redis = redis
        self._retry_for_s = retry_for_s

    async def submit(self, envelope: Envelope, jobs: Sequence[tuple[str, bytes]]) -> list[Enqueued]:
        """Puts jobs, given as id and payload, into the envelope's queue: one batch at most.

        Raises:
            RedisUnavailableError: Redis could not be reached, and nothing was enqueued.
            RedisRefusedError: Redis refused them, and nothing was enqueued.
            EnqueueUnknownError: the outcome is unknown.
            ProducerClosedError: the producer was closed before anything was sent.
        """
        attempts = CommandRetry(self._retry_for_s)
        # Generated ids are unique, so the first one can also name the call.
        call = jobs[0][0] if envelope.job_id is None else os.urandom(CALL_BYTES).hex()
        try:
            codes = await self._attempt(envelope, call, jobs, attempts)
        except (RedisUnavailableError, RedisRefusedError, ProducerClosedError) as error:
            if attempts.outcome_unknown:
                raise EnqueueUnknownError([job_id for job_id, _ in jobs], str(error)) from error
            if isinstance(error, ProducerClosedError):
                raise
            raise type(error)(f"nothing was enqueued: {error}") from error.__cause__
        if envelope.job_id is not None and codes[0] is Enqueued.ENDED:
            raise EnqueueUnknownError(
                [envelope.job_id],
                "the reply was lost, and since then this job, or another with the same id, has started or ended",
            )
        return codes

    async def _attempt(
        self, envelope: Envelope, call: str, jobs: Sequence[tuple[str, bytes]], attempts: CommandRetry
    ) -> list[Enqueued]:
        first = EnqueueMode.NEW if envelope.job_id is None else EnqueueMode.NAMED
        while True:
            mode = EnqueueMode.REPEATED if attempts.outcome_unknown else first
            try:
                return await envelope.queue.enqueue(self._redis, envelope.placing, mode, call, jobs)
            except REDIS_ERRORS as error:
                await attempts.wait_after(error, self._redis.shown)
