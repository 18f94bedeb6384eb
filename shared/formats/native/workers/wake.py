"""Wakes another worker. See wake.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.lane import LaneQueue

_SCRIPT = NativeScript.load("workers/wake")


async def wake(redis: Redis, keys: NativeKeys, lane_queue: LaneQueue) -> None:
    """Passes on a wake-up that another worker can use.

    Raises:
        RedisError: the call failed.
    """
    await _SCRIPT.run_on(redis, keys, (), lane_queue)
