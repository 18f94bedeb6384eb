"""A native queue, for cron schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.formats.native.jobs.tick import enqueue_tick, newest_tick_ms, write_entries
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.producer import payload_times
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import Enqueued
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.queue_ref import QueueRef


class NativeCronQueue:
    """One queue; see `monarq.shared.protocol.cron_queue.CronQueue`.

    The newest tick of a declaration only increases, in the step that enqueues the tick, so ids need not be barred.
    """

    def __init__(self, name: str) -> None:
        self.ref = QueueRef(name, "native")
        self._keys = NativeKeys.of(name)

    def payload_times(self, now_ms: int, due_ms: int, ttl_ms: int) -> PayloadTimes:
        """All of the times; a tick may wait for `ttl_ms` after its due time."""
        return payload_times(now_ms, due_ms, 0, max(0, due_ms - now_ms) + ttl_ms if ttl_ms > 0 else 0)

    async def newest_tick_ms(self, redis: Redis, entry: str) -> int:
        """When the newest recorded tick was; 0 if there is none."""
        try:
            return await newest_tick_ms(redis, self._keys, entry)
        except ResponseError:
            return 0  # a key of a wrong type: its missed ticks are not caught up

    async def enqueue_tick(self, redis: Redis, tick: Tick) -> Enqueued:
        """Enqueues a tick and records it."""
        return await enqueue_tick(redis, self._keys, tick)

    async def write_statuses(self, redis: Redis, statuses: Mapping[str, bytes], keep_s: int) -> None:
        """Writes each status to a field of one hash."""
        with suppress(ResponseError):
            await write_entries(redis, self._keys, statuses, keep_s)
