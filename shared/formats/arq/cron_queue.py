"""A queue in arq's format, for cron schedulers."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.replies import read_number

_RECORD_TTL: Final = timedelta(days=400)
"""How long the record of a queue's newest ticks is kept after the last of them."""


class ArqCronQueue:
    """One queue; see `monarq.shared.protocol.cron_queue.CronQueue`."""

    def __init__(self, name: str) -> None:
        self._keys = QueueKeys.of(name)

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        return self._keys.ref

    def payload_times(self, now_ms: int, due_ms: int, ttl_ms: int) -> PayloadTimes:
        """Arq knows no fields for the other times."""
        return PayloadTimes(now_ms)

    async def newest_tick_ms(self, redis: Redis, entry: str) -> int:
        """When the newest recorded tick was; 0 if there is none."""
        try:
            newest_ms = await cast("Awaitable[bytes | None]", redis.hget(self._keys.cron, entry))
        except ResponseError:
            return 0  # a key of a wrong type: its missed ticks are not caught up
        return read_number(newest_ms or 0)

    async def enqueue_tick(self, redis: Redis, tick: Tick) -> Enqueued:
        """Enqueues a tick, then records it: a tick recorded first might never be enqueued."""
        placement = Placement(
            lane=tick.lane, due_ms=tick.due_ms, ttl_ms=tick.ttl_ms, tick_ms=tick.bar_ms, name=tick.name
        )
        [answer] = await enqueue(redis, self._keys, placement, EnqueueMode.NAMED, [(tick.job_id, tick.payload)])
        if tick.entry is not None:
            with suppress(ResponseError):  # a key of a wrong type, as above
                await self._record(redis, tick.entry, tick.due_ms)
        return answer

    async def _record(self, redis: Redis, entry: str, tick_ms: int) -> None:
        async with redis.pipeline(transaction=True) as calls:
            calls.hset(self._keys.cron, entry, str(tick_ms))
            calls.expire(self._keys.cron, _RECORD_TTL)
            await calls.execute()

    async def write_statuses(self, redis: Redis, statuses: Mapping[str, bytes], keep_s: int) -> None:
        """Writes each status to a field of one hash."""
        client: Any = redis
        with suppress(ResponseError):
            await client.hset(self._keys.crons, mapping=statuses)
            await client.expire(self._keys.crons, keep_s)
