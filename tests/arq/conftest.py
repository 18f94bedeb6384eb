"""Clients of the tests' Redis: arq's own, unmodified, and monarq's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import arq
import pytest
from arq.connections import RedisSettings
from redis.asyncio import Redis

import monarq.arq
from tests.arq.keepers import Clock
from tests.support.proxy import Proxy


@pytest.fixture
def redis_settings(redis_url: str) -> RedisSettings:
    return RedisSettings(unix_socket_path=urlsplit(redis_url).path)


@pytest.fixture
async def stock(redis_settings: RedisSettings) -> AsyncIterator[arq.ArqRedis]:
    """A client of arq's."""
    pool = await arq.create_pool(redis_settings)
    assert type(pool) is arq.ArqRedis
    yield pool
    await pool.aclose(close_connection_pool=True)


@pytest.fixture
async def pool(redis_settings: RedisSettings) -> AsyncIterator[monarq.arq.ArqRedis]:
    """A client of monarq's."""
    made = await monarq.arq.create_pool(redis_settings)
    yield made
    await made.aclose(close_connection_pool=True)


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
