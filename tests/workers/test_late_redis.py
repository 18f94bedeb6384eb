"""A worker that is started while Redis is away: the first says so at once, one in the place of another waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import RedisUnavailableError
from tests.support.engines import make_engine, put, result_of, running
from tests.support.proxy import Proxy
from tests.workers import engine_jobs as jobs


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(urlsplit(redis_url).path) as made:
        await made.close()
        yield made


async def test_the_first_worker_says_at_once_that_redis_is_away(proxy: Proxy) -> None:
    with pytest.raises(RedisUnavailableError):
        async with asyncio.timeout(5):
            await make_engine(proxy.url, jobs.ALL).run()


async def test_a_worker_in_the_place_of_another_waits_for_redis(redis: Redis, proxy: Proxy) -> None:
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    engine = make_engine(proxy.url, jobs.ALL)
    engine.restarts = 1
    async with running(engine):
        await asyncio.sleep(0.3)
        await proxy.open()
        async with asyncio.timeout(10):
            assert (await result_of(redis, "sum")).value == 3


async def test_a_worker_that_waits_for_redis_can_be_stopped(proxy: Proxy) -> None:
    engine = make_engine(proxy.url, jobs.ALL)
    engine.restarts = 1
    waiting = asyncio.create_task(engine.run())
    await asyncio.sleep(0.2)
    engine.drain()
    async with asyncio.timeout(3):
        with pytest.raises(RedisUnavailableError):
            await waiting
