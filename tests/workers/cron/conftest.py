"""What the tests of cron share: a clock that tests set in place of Redis', and a proxy that loses calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from tests.support.proxy import Proxy
from tests.workers.cron.schedulers import Clock


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(urlsplit(redis_url).path) as made:
        yield made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    async def now(self: Any, redis: Redis) -> datetime:
        await redis.ping()
        return made.moment

    monkeypatch.setattr("monarq.workers.cron.scheduler.RedisClock.now", now)
    return made
