"""Reads of a queue as a whole: its numbers and its crons."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.native.counters import counters, rates
from monarq.shared.formats.native.jobs.tick import read_entries
from monarq.shared.formats.native.keys import FLEET_QUEUES
from monarq.shared.formats.native.monitor.known_queues import ask_holding, read_holding
from monarq.shared.formats.native.monitor.native_queue import NativeQueue
from monarq.shared.formats.native.queues import pause
from monarq.shared.formats.native.queues.counts import read_counts
from monarq.shared.formats.native.workers.register_names import read_names
from monarq.shared.protocol.counters import QueueCounters, Rates, Series, Step
from monarq.shared.protocol.counts import Counts
from monarq.shared.protocol.monitor_records import CronRecord


class NativeQueueReads(NativeQueue):
    """See `monarq.shared.protocol.monitor_queue.QueueReads`."""

    async def is_known(self, redis: Redis) -> bool:
        """See the protocol."""
        calls: Any = redis.pipeline(transaction=False)
        calls.zscore(FLEET_QUEUES, self._keys.tag)
        ask_holding(calls, self._keys)
        used_ms, *held = await calls.execute()
        return used_ms is not None or read_holding(*held)

    async def was_used(self, redis: Redis) -> bool:
        """See the protocol; the version that a queue is created with stays."""
        return await self.is_known(redis) or bool(await redis.exists(self._keys.key("meta")))

    async def read_counts(self, redis: Redis) -> Counts:
        """See the protocol."""
        return await read_counts(redis, self._keys)

    async def read_rates(self, redis: Redis, step_s: int, steps: int) -> Rates:
        """See the protocol."""
        return await rates.read_rates(redis, self._keys, step_s, steps)

    async def read_series(self, redis: Redis, job: str, step: Step, length: int) -> Series:
        """See the protocol."""
        return await counters.read_series(redis, self._keys, job, step, length)

    async def read_counters(self, redis: Redis, minutes: int) -> QueueCounters:
        """See the protocol."""
        return await counters.read_counters(redis, self._keys, minutes)

    async def paused_since_ms(self, redis: Redis) -> int | None:
        """See the protocol."""
        return await pause.paused_since_ms(redis, self._keys) or None

    async def read_names(self, redis: Redis) -> list[str]:
        """See the protocol."""
        return await read_names(redis, self._keys)

    async def read_crons(self, redis: Redis) -> list[CronRecord]:
        """See the protocol."""
        return [CronRecord(data, last_ms) for data, last_ms in await read_entries(redis, self._keys)]
