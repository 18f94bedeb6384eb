"""Makes a deferred job due now. See promote.lua."""

from __future__ import annotations

from enum import IntEnum

from redis.asyncio import Redis

from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Script

_SCRIPT = Script.load("jobs/promote")


class Promoted(IntEnum):
    """What happened to a job that should be due now."""

    UNKNOWN = 0
    DUE = 1
    RUNS = 2
    WAS_DUE = 3


async def promote(redis: Redis, keys: QueueKeys, raw_id: bytes) -> Promoted:
    """Makes a deferred job due now.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    return Promoted(await _SCRIPT.run(redis, keys, (raw_id,)))
