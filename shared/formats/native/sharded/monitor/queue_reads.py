"""Reads of a queue as a whole: sums over its shards."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.sharded.monitor.sharded_queue import ShardedQueue
from monarq.shared.formats.native.sharded.monitor.sums import sum_counters, sum_counts, sum_rates, sum_series
from monarq.shared.protocol.counters import QueueCounters, Rates, Series, Step
from monarq.shared.protocol.counts import Counts
from monarq.shared.protocol.monitor_records import CronRecord


class ShardedQueueReads(ShardedQueue):
    """See `monarq.shared.protocol.monitor_queue.QueueReads`."""

    async def is_known(self, redis: Redis) -> bool:
        """See the protocol."""
        return any(await self._from_each(redis, lambda shard: shard.is_known(redis)))

    async def was_used(self, redis: Redis) -> bool:
        """See the protocol; shard 0 exists before the others."""
        return await self.is_known(redis) or await self._shard(0).was_used(redis)

    async def read_counts(self, redis: Redis) -> Counts:
        """See the protocol; each shard is read at its own moment."""
        return sum_counts(await self._from_each(redis, lambda shard: shard.read_counts(redis)))

    async def read_rates(self, redis: Redis, step_s: int, steps: int) -> Rates:
        """See the protocol."""
        return sum_rates(await self._from_each(redis, lambda shard: shard.read_rates(redis, step_s, steps)), step_s)

    async def read_series(self, redis: Redis, job: str, step: Step, length: int) -> Series:
        """See the protocol."""
        return sum_series(await self._from_each(redis, lambda shard: shard.read_series(redis, job, step, length)))

    async def read_counters(self, redis: Redis, minutes: int) -> QueueCounters:
        """See the protocol."""
        return sum_counters(await self._from_each(redis, lambda shard: shard.read_counters(redis, minutes)))

    async def paused_since_ms(self, redis: Redis) -> int | None:
        """See the protocol; all shards are paused together."""
        return await self._shard(0).paused_since_ms(redis)

    async def read_names(self, redis: Redis) -> list[str]:
        """See the protocol; workers register names in each shard."""
        return await self._shard(0).read_names(redis)

    async def read_crons(self, redis: Redis) -> list[CronRecord]:
        """See the protocol; crons enqueue their jobs in shard 0."""
        return await self._shard(0).read_crons(redis)
