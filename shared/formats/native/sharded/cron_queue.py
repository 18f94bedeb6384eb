"""A native queue with any number of shards, for cron schedulers.

The records of declarations and the jobs of their ticks are in shard 0, so that a tick is recorded and its job enqueued
in one step. A tick that is not recorded goes to the shard of its id.
"""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.cron_queue import NativeCronQueue
from monarq.shared.formats.native.jobs.look import look
from monarq.shared.formats.native.jobs.tick import enqueue_tick
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.shards import read_shards
from monarq.shared.formats.native.shards import ONE, MoreShardsError, Shards, tag_of
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import Enqueued
from monarq.shared.redis.clock import read_now_ms


class ShardedCronQueue(NativeCronQueue):
    """One queue; see `monarq.shared.protocol.cron_queue.CronQueue`."""

    async def enqueue_tick(self, redis: Redis, tick: Tick) -> Enqueued:
        """Enqueues a tick and records it."""
        while True:
            [shards] = await read_shards(redis, [self.ref.name])
            try:
                return await self._enqueue(redis, tick, shards or ONE)
            except MoreShardsError:
                continue  # the number was just raised

    async def _enqueue(self, redis: Redis, tick: Tick, shards: Shards) -> Enqueued:
        home = 0 if tick.entry else shards.home(tick.job_id)
        if home and shards.before:
            for old in shards.old_homes(tick.job_id, await read_now_ms(redis)):
                keys = NativeKeys.of(tag_of(self.ref.name, old))
                found = await look(redis, keys, tick.job_id, shards.count, "named", tick.job_id, tick.payload)
                if found is not None:
                    return found
        return await enqueue_tick(redis, NativeKeys.of(tag_of(self.ref.name, home)), tick, shards.count)
