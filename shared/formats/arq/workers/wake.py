"""Wakes one idle worker of a lane. See wake.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.lane import LaneQueue

_SCRIPT = ArqScript.load("workers/wake")


async def wake(redis: Redis, keys: QueueKeys, lane_queue: LaneQueue) -> None:
    """Wakes another worker, as this one cannot use its wake-up."""
    await _SCRIPT.run_on(redis, keys, (lane_queue,))
