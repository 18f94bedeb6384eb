"""arq's health-check key: workers write a line of counts under it, and arq's `check_health` looks for it.

The key expires when no worker writes it: it lives no longer than a lease, so that it does not vouch for dead workers.
Its line is renewed when arq would renew it. If several workers share the key, none removes another's line.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from typing import Final

from arq.connections import RedisSettings
from arq.constants import default_queue_name, health_check_key_suffix
from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.arq.client.pool import create_pool
from monarq.arq.runs.log import ArqLog
from monarq.arq.settings.fields import collect_settings
from monarq.arq.settings.reader import arq_queue_of
from monarq.shared.formats.arq.keys import HEALTH_CHECK_SUFFIX
from monarq.shared.text.loggers import get_logger
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.events import WorkerEvents
from monarq.workers.events.outage import Outage

logger = get_logger("arq.worker")

_REMOVE_WITHIN_S: Final = 2.0
_SHORTEST_SLEEP_S: Final = 0.05


class HealthCheckWriter:
    """Writes the health-check key while the worker runs.

    Attributes:
        key: the key.

    Args:
        settings: name the queue and the lease.
        log: has the counts, and logs changes.
        events: notified of Redis outages. Default: the log.
        key: the key. Default: that of the queue.
        interval_s: how often its line is renewed, in seconds.
        keep: leave the key when `run` is cancelled, for a later call of `remove`.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        log: ArqLog,
        events: WorkerEvents | None = None,
        *,
        key: str | None = None,
        interval_s: float = 3600.0,
        keep: bool = False,
    ) -> None:
        self._queue = arq_queue_of(settings).name
        self.key = key or self._queue + HEALTH_CHECK_SUFFIX
        self._interval_s = interval_s
        self._life_s = min(interval_s + 1, settings.lease_s)
        self._log = log
        self._events = events or log
        self._keep = keep
        self._last = b""
        self._last_counts = ""
        self._due_s = 0.0

    async def run(self, redis: Redis) -> None:
        """Writes the key until cancelled."""
        outage = Outage(self._events, "recording health")
        try:
            while True:
                try:
                    await self.record(redis)
                    outage.passed()
                    wait_s = max(_SHORTEST_SLEEP_S, min(self._interval_s, self._life_s / 3))
                except (RedisError, OSError) as error:
                    wait_s = outage.failed(error)
                await asyncio.sleep(wait_s)
        finally:
            if not self._keep:
                with suppress(RedisError, OSError, TimeoutError):
                    async with asyncio.timeout(_REMOVE_WITHIN_S):
                        await self.remove(redis)

    async def record(self, redis: Redis) -> None:
        """Writes a new line if one is due, else the last one again if no other worker keeps the key alive."""
        if time.monotonic() < self._due_s:
            if await redis.pttl(self.key) < self._life_s * 500:
                await self._write(redis)
            return
        counts = self._log.counts_line(await redis.zcard(self._queue))
        info = f"{datetime.now():%b-%d %H:%M:%S} {counts}"  # noqa: DTZ005 - arq's line has local time
        self._last = info.encode()
        await self._write(redis)
        self._due_s = time.monotonic() + self._interval_s
        if self._last_counts and self._last_counts != counts:
            self._log.health_recorded(info)
        self._last_counts = counts

    async def _write(self, redis: Redis) -> None:
        await redis.psetex(self.key, round(self._life_s * 1000), self._last)

    async def remove(self, redis: Redis) -> None:
        """Removes the key, unless another worker has written it since."""
        if self._last and await redis.get(self.key) == self._last:
            await redis.delete(self.key)


async def async_check_health(
    redis_settings: RedisSettings | None, health_check_key: str | None = None, queue_name: str | None = None
) -> int:
    """Looks for the health-check key.

    Args:
        redis_settings: the address of Redis. Default: localhost.
        health_check_key: the key. Default: that of the queue.
        queue_name: the queue. Default: arq's.

    Returns:
        0 if the key exists, 1 if not.
    """
    key = health_check_key or (queue_name or default_queue_name) + health_check_key_suffix
    redis = await create_pool(redis_settings)
    try:
        data = await redis.get(key)
    finally:
        await redis.aclose(close_connection_pool=True)
    if not data:
        logger.warning("Health check failed: no health check sentinel value found")
        return 1
    logger.info("Health check successful: %s", data)
    return 0


def check_health(settings_cls: object) -> int:
    """Looks for the health-check key that a settings class or dict names, in a program without an event loop."""
    given = collect_settings(settings_cls)
    return asyncio.run(
        async_check_health(given.get("redis_settings"), given.get("health_check_key"), given.get("queue_name"))
    )
