"""Submitter: sends an enqueue to Redis, and repeats it until its outcome is known.

A command whose reply was lost may have been carried out. It is repeated as such (`EnqueueMode.REPEATED`), so that
Redis can answer whether the job is in the queue already. The outcome is "enqueued", "not enqueued" or, where no attempt
can find out, "unknown".
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
"""Random bytes in the name of a call, which is unique for as long as it may be repeated."""


class Submitter:
    """Puts jobs into queues, each exactly once, even where connections break.

    Args:
        redis: the connections.
        retry_for_s: seconds for which a failed call is repeated.
    """

    def __init__(self, redis: RedisClient, retry_for_s: float) -> None:
        self._redis = redis
        self._retry_for_s = retry_for_s

    async def submit(self, envelope: Envelope, jobs: Sequence[tuple[str, bytes]]) -> list[Enqueued]:
        """Puts the jobs, given as id and payload, into the envelope's queue; at most a batch of them.

        Raises:
            RedisUnavailableError: Redis could not be reached, and nothing was enqueued.
            RedisRefusedError: Redis refused them, and nothing was enqueued.
            EnqueueUnknownError: the outcome is unknown.
            ProducerClosedError: the producer was closed before.
        """
        attempts = CommandRetry(self._retry_for_s)
        # Ids that were made for this call name it as well.
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
                "the reply was lost, and a job of this id runs or has ended meanwhile, this one or another",
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
