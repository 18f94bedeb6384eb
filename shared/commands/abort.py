"""abort: ask that a job be stopped, or not be started. See abort.lua."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from redis.asyncio import Redis

from monarq.shared import keys as names
from monarq.shared.commands.claim import read_number
from monarq.shared.keys import QueueKeys
from monarq.shared.scripts import Script

_SCRIPT = Script.load("abort")


class AbortAnswer(IntEnum):
    """What an abort met."""

    UNKNOWN = 0
    WAITS = 1
    RUNS = 2


async def abort(redis: Redis, keys: QueueKeys, job_id: str | bytes) -> AbortAnswer:
    """Asks for the abort of a job; a worker carries it out."""
    return AbortAnswer(await _SCRIPT.run(redis, keys, (job_id,)))


async def aborts_among(redis: Redis, raw_ids: Sequence[bytes]) -> list[tuple[bytes, int]]:
    """Which of these jobs somebody wants aborted, and since when (unix ms). One cheap call where none is."""
    if not raw_ids or not await redis.exists(names.ABORT):
        return []
    scores = await redis.execute_command("ZMSCORE", names.ABORT, *raw_ids)  # type: ignore[no-untyped-call]
    return [(raw_id, read_number(score)) for raw_id, score in zip(raw_ids, scores, strict=True) if score is not None]


async def forget_old_aborts(redis: Redis, older_than_ms: int) -> None:
    """Drops requests that were made before this time, in unix ms; nobody has carried them out."""
    await redis.zremrangebyscore(names.ABORT, "-inf", older_than_ms)
