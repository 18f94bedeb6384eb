"""Wakes one idle worker of a lane. See wake.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.lane import LaneQueue
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Script

_SCRIPT = Script.load("workers/wake")


async def wake(redis: Redis, keys: QueueKeys, lane_queue: LaneQueue) -> None:
    """Passes on a wake-up that another worker can use."""
    await _SCRIPT.run(redis, keys, (lane_queue,))
