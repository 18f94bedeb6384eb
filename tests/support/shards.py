"""Queues of several shards."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.sharded.growth import set_shards
from monarq.shared.formats.native.shards import Shards, home, tag_of
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue

NAME: Final = "big"
BIG: Final = QueueRef(NAME, "native")
QUEUE: Final = Queue(NAME)


async def spread(redis: Redis, count: int) -> Shards:
    """Shards the queue without waiting: a test's Redis loses nothing."""
    return await set_shards(redis, NAME, count, settled_after_s=0.0)


def keys_of(shard: int) -> NativeKeys:
    """The keys of a shard."""
    return NativeKeys.of(tag_of(NAME, shard))


async def lengths(redis: Redis, count: int, what: str = "queued") -> list[int]:
    """How many jobs wait in each shard."""
    client: Any = redis
    return [await client.zcard(keys_of(shard).key(what)) for shard in range(count)]


async def alive(redis: Redis, count: int) -> list[set[str]]:
    """The ids of the jobs of each shard that have not ended."""
    client: Any = redis
    found = [await client.hkeys(keys_of(shard).key("payloads")) for shard in range(count)]
    return [{raw_id.decode() for raw_id in ids if raw_id != b"\0"} for ids in found]


def ids_that_move(old: int, new: int, count: int) -> list[str]:
    """Chosen ids that belong to a different shard once there are more shards."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        job_id = f"chosen-{number}"
        if home(job_id, old) != home(job_id, new):
            found.append(job_id)
    return found
