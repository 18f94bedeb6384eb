"""Reads of a queue's dead letters, from all of its shards."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import islice

from redis.asyncio import Redis

from monarq.shared.formats.native.monitor.monitor_queue import NativeMonitorQueue
from monarq.shared.formats.native.sharded.in_parallel import in_parallel
from monarq.shared.formats.native.sharded.monitor.sharded_queue import ShardedQueue
from monarq.shared.protocol.dead_letters import DeadEntry, DeadRecord


class ShardedDeadLetterReads(ShardedQueue):
    """See `monarq.shared.protocol.monitor_queue.DeadLetterReads`."""

    async def count_dead(self, redis: Redis) -> int:
        """See the protocol."""
        return sum(await self._from_each(redis, lambda shard: shard.count_dead(redis)))

    async def list_dead(self, redis: Redis, after: DeadEntry | float | None, limit: int) -> list[DeadEntry]:
        """See the protocol. Letters of the same millisecond are in descending order of their ids."""
        shards = await self._shards(redis)
        if shards.count == 1:
            return await self._shard(0).list_dead(redis, after, limit)
        lists = await in_parallel([_list_after(redis, shard, after, limit) for shard in self._all(shards)])
        return list(islice(heapq.merge(*lists, key=_order, reverse=True), limit))

    async def read_dead(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[DeadRecord]:
        """See the protocol; ids whose shard has changed may take further round trips."""
        found: dict[bytes, DeadRecord] = {}
        for at in range((await self._shards(redis)).most_homes):
            missing = [raw_id for raw_id in raw_ids if raw_id not in found]
            for shard, ids in await self._by_home(redis, missing, at):
                found |= {record.raw_id: record for record in await shard.read_dead(redis, ids)}
        return [found[raw_id] for raw_id in raw_ids if raw_id in found]

    async def read_dead_payload(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """See the protocol."""
        return await self._first_to_know(
            redis, raw_id, lambda shard: shard.read_dead_payload(redis, raw_id), lambda payload: payload is not None
        )


async def _list_after(
    redis: Redis, shard: NativeMonitorQueue, after: DeadEntry | float | None, limit: int
) -> list[DeadEntry]:
    """A shard's letters after one that may be in another shard."""
    if not isinstance(after, DeadEntry):
        return await shard.list_dead(redis, after, limit)
    found: list[DeadEntry] = []
    place: DeadEntry | float = after.died_ms  # some of that millisecond may come before it
    while page := await shard.list_dead(redis, place, limit):
        found += [entry for entry in page if _order(entry) < _order(after)]
        if len(found) >= limit or len(page) < limit:
            break
        place = page[-1]
    return found[:limit]


def _order(entry: DeadEntry) -> tuple[float, bytes]:
    return entry.died_ms, entry.raw_id
