"""Deletes waiting jobs. See purge.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.lane import LaneQueue

_SCRIPT = ArqScript.load("queues/purge")

BATCH = 1000
"""How many jobs one call examines."""


async def purge(
    redis: Redis, keys: QueueKeys, lane_queue: LaneQueue, lowest: str, highest: str, skip: int, limit: int = BATCH
) -> tuple[int, int]:
    """Deletes jobs of one set whose scores are between two bounds, in ZRANGEBYSCORE's syntax.

    Args:
        redis: the client.
        keys: the queue's keys.
        lane_queue: the set.
        lowest: the lowest score.
        highest: the highest score.
        skip: how many to skip at the front: the running jobs that earlier calls have counted.
        limit: how many jobs to examine, at most `BATCH`.

    Returns:
        How many were deleted, and how many of the examined ones are running; both 0 if none was left.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    removed, runs = await _SCRIPT.run_on(redis, keys, (lane_queue, lowest, highest, skip, min(limit, BATCH)))
    return removed, runs
