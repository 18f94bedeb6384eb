"""Makes a deferred job due now. See promote.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.answers import Promoted

_SCRIPT = ArqScript.load("jobs/promote")


async def promote(redis: Redis, keys: QueueKeys, raw_id: bytes) -> Promoted:
    """Makes a deferred job due now.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    return Promoted(await _SCRIPT.run_on(redis, keys, (raw_id,)))
