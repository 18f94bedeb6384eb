"""A producer and a manual worker on the tests' Redis, for the queue of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from tests.support.formats import current_name
from tests.support.manual_worker import ManualWorker


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url, queue=current_name()) as made:
        yield made


@pytest.fixture
async def many_jobs(redis: Redis) -> AsyncIterator[None]:
    """For tests that leave thousands of jobs: the look for leaked keys takes longer than they do."""
    yield
    await redis.flushall()


@pytest.fixture
async def worker(redis: Redis) -> ManualWorker:
    return ManualWorker(redis)
