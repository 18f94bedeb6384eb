"""Requests to cancel a job, before or while it runs. See cancel.lua."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.claim import read_request
from monarq.shared.formats.arq.keys import ASKED_MARK, QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.answers import CancelAnswer

_SCRIPT = ArqScript.load("jobs/cancel")


async def cancel(redis: Redis, keys: QueueKeys, job_id: str | bytes) -> CancelAnswer:
    """Requests the cancellation of a job; a worker cancels it."""
    return CancelAnswer(await _SCRIPT.run_on(redis, keys, (job_id,)))


async def find_cancels(redis: Redis, raw_ids: Sequence[bytes]) -> list[tuple[bytes, float]]:
    """Those of these jobs whose cancellation was requested, with the time, unix ms; cheap if there are none."""
    if not raw_ids or not await redis.exists(names.ABORT):
        return []
    scores = await redis.execute_command("ZMSCORE", names.ABORT, *raw_ids)  # type: ignore[no-untyped-call]
    return [(raw_id, read_request(score)) for raw_id, score in zip(raw_ids, scores, strict=True) if score is not None]


def is_cancel_of(asked_ms: float, payload: Payload) -> bool:
    """Whether a cancellation request is for this job, and not for an earlier one with the same id.

    Redis' time is never compared with a producer's. monarq's `cancel` makes a request only if the job exists, and
    monarq's enqueue removes earlier requests. What remains are requests of arq's clients for jobs of arq's clients,
    both with times by arq's clocks; requests for a job that does not exist are removed within a second or two.

    Args:
        asked_ms: when it was made, from `find_cancels` or a claim.
        payload: the job's payload.
    """
    return asked_ms % 1 == ASKED_MARK or payload.codec is MSGPACK or asked_ms >= payload.enqueue_ms
