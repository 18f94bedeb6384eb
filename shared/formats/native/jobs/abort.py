"""Aborts a job, before or while it runs. See abort.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.answers import AbortAnswer

_SCRIPT = NativeScript.load("jobs/abort")


async def abort(
    redis: Redis, keys: NativeKeys, job_id: str | bytes, *, result: bytes, keep_ms: int, name: str = ""
) -> AbortAnswer:
    """Ends a job that waits, or asks the worker that runs it to stop it.

    Args:
        redis: the client.
        keys: the queue's keys.
        job_id: the job.
        result: the result that it ends with where it waits.
        keep_ms: ms to keep that for; 0 for ever, -1 not at all.
        name: the job's name, by which it is counted then; '' counts it for the queue alone.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    return AbortAnswer(await _SCRIPT.run_on(redis, keys, (job_id, name, result, keep_ms, keys.ended)))
