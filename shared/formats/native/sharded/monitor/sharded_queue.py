"""The queue that all roles of a monitor read or change, and its shards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.asyncio import Redis

from monarq.shared.formats.native.monitor.monitor_queue import NativeMonitorQueue
from monarq.shared.formats.native.queues.shards import read_shards
from monarq.shared.formats.native.sharded.in_parallel import in_parallel
from monarq.shared.formats.native.shards import ONE, Shards, tag_of
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.clock import read_now_ms

_T = TypeVar("_T")
_Read = Callable[[NativeMonitorQueue], Awaitable[_T]]


class ShardedQueue:
    """A native queue.

    Args:
        name: its name.
        shards: how many shards it has, if known; otherwise it is read in each call.
    """

    def __init__(self, name: str, shards: Shards | None = None) -> None:
        self._name = name
        self._known = shards

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        return QueueRef(self._name, "native")

    async def _shards(self, redis: Redis) -> Shards:
        if self._known is not None:
            return self._known
        [shards] = await read_shards(redis, [self._name])
        return shards or ONE

    def _shard(self, shard: int) -> NativeMonitorQueue:
        return NativeMonitorQueue(tag_of(self._name, shard))

    def _all(self, shards: Shards) -> list[NativeMonitorQueue]:
        return [self._shard(shard) for shard in range(shards.count)]

    async def _from_each(self, redis: Redis, read: _Read[_T]) -> list[_T]:
        """Reads from each shard; from the first one while their number is being read."""
        count = self._known.count if self._known else None
        if count is None:
            shards, first = await asyncio.gather(self._shards(redis), read(self._shard(0)))
            count = shards.count
        else:
            first = await read(self._shard(0))
        if count == 1:
            return [first]
        return [first, *await in_parallel([read(self._shard(shard)) for shard in range(1, count)])]

    async def _first_to_know(self, redis: Redis, raw_id: bytes, ask: _Read[_T], is_known: Callable[[_T], bool]) -> _T:
        """Asks the shards in which a job may be until one knows it; returns the last answer if none does."""
        shards = await self._shards(redis)
        homes = shards.homes(raw_id, await read_now_ms(redis) if shards.before else 0)
        for home in homes[:-1]:
            answer = await ask(self._shard(home))
            if is_known(answer):
                return answer
        return await ask(self._shard(homes[-1]))

    async def _by_home(
        self, redis: Redis, raw_ids: Sequence[bytes], at: int = 0
    ) -> list[tuple[NativeMonitorQueue, list[bytes]]]:
        """The ids by their shards; for `at` of 1 or more, by earlier shards in which they may still be."""
        shards = await self._shards(redis)
        now_ms = await read_now_ms(redis) if shards.before else 0
        found: dict[int, list[bytes]] = {}
        for raw_id in raw_ids:
            for home in shards.homes(raw_id, now_ms)[at : at + 1]:
                found.setdefault(home, []).append(raw_id)
        return [(self._shard(home), ids) for home, ids in found.items()]
