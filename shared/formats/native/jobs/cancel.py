"""Cancels a job, before or while it runs. See cancel.lua."""

from __future__ import annotations

from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.payloads.result import CancelledResult
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.redis.replies import text

_SCRIPT = NativeScript.load("jobs/cancel")
_encode = msgspec.msgpack.Encoder().encode

_NOTHING_KNOWN: Final = CancelledResult()

KEPT_MS: Final = 3_600_000
"""How long the result of a job that was cancelled before it was started is kept."""


async def cancel(
    redis: Redis,
    keys: NativeKeys,
    job_id: str | bytes,
    *,
    known: CancelledResult = _NOTHING_KNOWN,
    keep_ms: int = KEPT_MS,
) -> CancelAnswer:
    """Ends a waiting job, or requests that the worker of a running job stop it.

    Args:
        redis: the client.
        keys: the queue's keys.
        job_id: the job.
        known: what is known about it, for display if it is waiting. It is counted and listed by its name; '' counts it
            for the queue only.
        keep_ms: ms to keep its result if it is waiting; 0 forever, -1 not at all.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    recent = _encode([("cancelled", None, known.name[:200], text(job_id), "")])
    arguments = (job_id, known.name, known.write(), keep_ms, recent, keys.ended)
    return CancelAnswer(await _SCRIPT.run_on(redis, keys, arguments))
