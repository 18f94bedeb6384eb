"""What the tests of cron share: a clock that tests set in place of Redis', and a proxy that loses calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.workers.cron.schedulers import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    async def now(self: Any, redis: Redis) -> datetime:
        await redis.ping()
        return made.moment

    monkeypatch.setattr("monarq.workers.cron.scheduler.RedisClock.now", now)
    return made
