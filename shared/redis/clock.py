"""Redis' clock, for callers that do not run a script that reads it."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.redis.servers import read_time


async def read_now_ms(redis: Redis, key: str = "") -> int:
    """Redis' time, unix ms; on a cluster, the time of the node that holds the key.

    Raises:
        RedisError: Redis did not answer.
    """
    seconds, micros = await read_time(redis, key)
    return seconds * 1000 + micros // 1000
