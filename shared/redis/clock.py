"""Redis' clock, for those who do not run a script that reads it."""

from __future__ import annotations

from redis.asyncio import Redis


async def read_now_ms(redis: Redis) -> int:
    """Redis' time, unix ms.

    Raises:
        RedisError: Redis did not answer.
    """
    seconds, micros = await redis.time()
    return int(seconds) * 1000 + int(micros) // 1000
