"""Makes a deferred job due now. See promote.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.answers import Promoted

_SCRIPT = NativeScript.load("jobs/promote")


async def promote(redis: Redis, keys: NativeKeys, raw_id: bytes) -> Promoted:
    """Makes a deferred job due now.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    return Promoted(await _SCRIPT.run_on(redis, keys, (raw_id,)))
