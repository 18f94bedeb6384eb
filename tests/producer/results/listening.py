"""Subscribers of a queue's channel, and the interval at which a producer polls."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.formats import ended_channel
from tests.support.slowness import in_time


async def subscribed(redis: Redis, count: int = 1, queue: QueueRef | None = None) -> None:
    """Waits until so many clients subscribe to the queue's channel; by default to that of this test's queue."""
    channel = ended_channel(queue)
    async with in_time(10):
        while dict(await redis.pubsub_numsub(channel))[channel.encode()] < count:
            await asyncio.sleep(0.005)


def poll_every(producer: Producer, seconds: float) -> None:
    """Sets the interval of polls; with 60, what arrives within a test was published."""
    producer._listener._poll_interval_s = seconds


async def listeners(redis: Redis) -> set[str]:
    return {client["id"] for client in await redis.client_list(_type="pubsub")}
