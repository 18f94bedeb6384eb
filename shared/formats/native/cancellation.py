"""Cancels a job together with what its queue knows about it, for display if it ends before it starts."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.facts import read_waiting
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.payloads.result import CancelledResult
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.pages import HEAD_BYTES


async def cancel_known(redis: Redis, keys: NativeKeys, job_id: str | bytes) -> CancelAnswer:
    """Ends a waiting job, or requests that its worker stop a running one.

    Raises:
        RedisError: a call failed; it may be repeated.
    """
    raw_id = job_id if isinstance(job_id, bytes) else job_id.encode("utf-8", "surrogateescape")
    job = await read_waiting(redis, keys, raw_id)
    head = read_head(job.payload[:HEAD_BYTES], job.payload_tail)
    known = CancelledResult(head.name or "", head.enqueue_ms or 0, job.due_ms or 0, job.tries)
    return await cancel(redis, keys, raw_id, known=known)
