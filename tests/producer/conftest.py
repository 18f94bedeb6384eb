"""A producer and a played worker on the tests' Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from tests.support.played_worker import PlayedWorker
from tests.support.proxy import Proxy


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url) as made:
        yield made


@pytest.fixture
async def many_jobs(redis: Redis) -> AsyncIterator[None]:
    """For tests that leave thousands of jobs: the look for leaked keys takes longer than they do."""
    yield
    await redis.flushall()


@pytest.fixture
def worker(redis: Redis) -> PlayedWorker:
    return PlayedWorker(redis)


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(urlsplit(redis_url).path) as made:
        yield made
