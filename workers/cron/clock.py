"""What time it is, as Redis sees it: the cron keeper's clock, whatever this machine's own clock does."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from redis.asyncio import Redis

CLOCK_S: Final = 60.0
"""How often Redis is asked for its time."""


class RedisClock:
    """Redis' time, asked for now and then, and carried on by this machine's monotonic clock."""

    def __init__(self) -> None:
        self._requested_delay_s: float | None = None
        self._offset_s = 0.0

    async def now(self, redis: Redis) -> datetime:
        """Redis' time."""
        before_s = time.monotonic()
        if self._requested_delay_s is None or before_s - self._requested_delay_s > CLOCK_S:
            seconds, micros = await redis.time()
            after_s = time.monotonic()
            self._offset_s = seconds + micros / 1e6 - (before_s + after_s) / 2
            self._requested_delay_s = after_s
        return datetime.fromtimestamp(self._offset_s + time.monotonic(), tz=UTC)
