"""Waiting times of a queue, over all of its shards."""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.shards import read_tags
from monarq.shared.formats.native.queues.waiting import read_waiting as read_of_shard
from monarq.shared.formats.native.sharded.in_parallel import in_parallel
from monarq.shared.protocol.counts import Waiting


async def read_waiting(redis: Redis, name: str) -> Waiting:
    """How long the longest waiting jobs of a queue have waited.

    Raises:
        RedisError: Redis did not answer.
    """
    tags = await read_tags(redis, (name,))
    shards = await in_parallel([read_of_shard(redis, NativeKeys.of(tag)) for tag in tags])
    return Waiting(_longest(each.io_s for each in shards), _longest(each.cpu_s for each in shards))


def _longest(waits: Iterable[float | None]) -> float | None:
    return max((wait_s for wait_s in waits if wait_s is not None), default=None)
