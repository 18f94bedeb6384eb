"""Hears what scripts publish."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from tests.support.slowness import patience_s


@asynccontextmanager
async def heard(redis: Redis, *channels: str) -> AsyncIterator[Callable[[], Awaitable[tuple[str, bytes]]]]:
    """Subscribes, and gives a function that returns the next message, as channel and data."""
    async with redis.pubsub() as hearing:
        await hearing.subscribe(*channels)
        for _ in channels:
            await hearing.get_message(timeout=patience_s(5))

        async def following() -> tuple[str, bytes]:
            message = await hearing.get_message(timeout=patience_s(5))
            assert message is not None, "nothing was published"
            return message["channel"].decode(), message["data"]

        yield following
