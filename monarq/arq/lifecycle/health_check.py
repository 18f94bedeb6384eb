"""arq's health-check key: a line of counts under a key that runs out when no worker writes it any more.

What arq's ``--check`` looks for. Where several workers share the key, none takes another's line away. The line is new
when arq's would be; the key lives no longer than a lease, so that it does not vouch for the dead.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.arq.runs.log import ArqLog
from monarq.shared.redis.keys import HEALTH_CHECK_SUFFIX
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Listener
from monarq.workers.events.outage import Outage

_LAST_WORD_S: Final = 2.0
_SHORTEST_SLEEP_S: Final = 0.05


class ArqHealth:
    """Writes the key while the worker runs.

    Attributes:
        key: the key.

    Args:
        settings: name the queue and the lease.
        log: holds the counts, and is told of changes.
        events: hears when Redis does not answer. Default: the log.
        key: the key. Default: the queue's.
        interval_s: how often it is written, in seconds.
        keep: leave the key when `run` is cancelled; `remove` takes it away.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        log: ArqLog,
        events: Listener | None = None,
        *,
        key: str | None = None,
        interval_s: float = 3600.0,
        keep: bool = False,
    ) -> None:
        self.key = key or settings.queues[0] + HEALTH_CHECK_SUFFIX
        self._queue = settings.queues[0]
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
                    async with asyncio.timeout(_LAST_WORD_S):
                        await self.remove(redis)

    async def record(self, redis: Redis) -> None:
        """Writes a new line if it is time to, else the last one if nobody else keeps the key alive."""
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
        """Takes the key away, unless another worker has written it since."""
        if self._last and await redis.get(self.key) == self._last:
            await redis.delete(self.key)
