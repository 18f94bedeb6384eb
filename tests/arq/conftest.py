"""Clients of the tests' Redis: arq's own, unmodified, and monarq's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import arq
import pytest
from arq.connections import RedisSettings

import monarq.arq


@pytest.fixture(autouse=True)
def of_arq(arq_format: None) -> None:
    """All tests here are about queues in arq's format."""


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
