"""Reads of a queue as a whole: its numbers and its crons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.counters import counters, rates
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.monitor.arq_queue import ArqQueue
from monarq.shared.formats.arq.queues import pause
from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.shared.formats.arq.workers.register_names import read_names
from monarq.shared.protocol.counters import QueueCounters, Rates, Series, Step
from monarq.shared.protocol.counts import Counts
from monarq.shared.protocol.monitor_records import CronRecord
from monarq.shared.redis.replies import read_number, text

MOST_QUEUES: Final = 1000
"""The most queues that are listed."""


async def known_queues(redis: Redis) -> list[str]:
    """Every queue that a monarq worker has served or a job was enqueued in, and arq's default queue if it is used.

    Empty queues that were not used for a week are left out; of more than 1,000, the least recently used are left out.

    Raises:
        RedisError: Redis did not answer.
    """
    default = QueueKeys.of(names.DEFAULT_QUEUE)
    health_check = default.queue + names.HEALTH_CHECK_SUFFIX
    calls: Any = redis.pipeline(transaction=False)
    calls.zrange(names.QUEUES, 0, MOST_QUEUES - 1, desc=True)
    # Producers do not list the default queue, and stock arq workers list none.
    own = default.stats, default.counter_buffer, default.dead, default.workers, default.crons, default.paused
    calls.exists(default.queue, health_check, *own)
    listed, is_used = await calls.execute()
    return list({*map(text, listed), *([default.queue] if is_used else [])})


class ArqQueueReads(ArqQueue):
    """See `monarq.shared.protocol.monitor_queue.QueueReads`."""

    async def is_known(self, redis: Redis) -> bool:
        """See the protocol."""
        return self._keys.queue in await known_queues(redis) or bool(await redis.exists(self._keys.queue))

    async def was_used(self, redis: Redis) -> bool:
        """See the protocol; a queue that only stock arq workers serve is known only from their health check."""
        keys = self._keys
        own = keys.stats, keys.counter_buffer, keys.dead, keys.workers, keys.crons, keys.paused
        return await self.is_known(redis) or bool(await redis.exists(keys.queue + names.HEALTH_CHECK_SUFFIX, *own))

    async def read_counts(self, redis: Redis) -> Counts:
        """See the protocol."""
        counts = await read_counts(redis, self._keys)
        async with redis.pipeline(transaction=False) as pipe:
            pipe.get(self._keys.queue + names.HEALTH_CHECK_SUFFIX)
            # The scores of running jobs are the ends of their leases, which are in the future.
            pipe.zcount(self._keys.cpu, "-inf", counts.now_ms)
            health_check, queued_cpu = await pipe.execute()
        line = None if health_check is None else text(health_check)
        return replace(counts, queued_cpu=queued_cpu, health_check=line)

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
        calls: Any = redis.pipeline(transaction=False)
        calls.hgetall(self._keys.crons)
        calls.hgetall(self._keys.cron)
        # A key of another type counts as missing.
        records, ticks = (
            {} if isinstance(reply, Exception) else reply for reply in await calls.execute(raise_on_error=False)
        )
        return [
            CronRecord(data, read_number(ticks[declaration]) if declaration in ticks else None)
            for declaration, data in records.items()
        ]
