"""The Redis probe: which Redis it asks, when it asks again, and what it reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.control.messages import Ready
from monarq.workers.supervisor.pool_state import PoolState, WorkerState
from monarq.workers.supervisor.redis_probe import RedisProbe
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.workers import put
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


def pool_at(*urls: str | None) -> PoolState:
    """A pool whose workers have these Redis URLs, the newest last; one without is not ready."""
    workers = [
        WorkerState(
            index,
            index + 1,
            "ready",
            Ready(f"w{index}", [ARQ_QUEUE], 15, 20, url) if url else None,
            0,
            Heartbeat(),
            0,
        )
        for index, url in enumerate(urls)
    ]
    return PoolState(False, tuple(workers))


@pytest.fixture
async def probe() -> AsyncIterator[RedisProbe]:
    probe = RedisProbe()
    yield probe
    await probe.close()


async def test_it_knows_no_redis_before_a_worker_is_ready(probe: RedisProbe) -> None:
    assert await probe.check(pool_at()) is None
    assert await probe.check(pool_at(None)) is None
    assert probe.queues == []


async def test_checks_that_are_close_together_share_a_result(probe: RedisProbe, redis: Redis, redis_url: str) -> None:
    first = await probe.check(pool_at(redis_url))
    assert first is not None
    assert first.error is None
    assert first.queues[ARQ_QUEUE].io_s is None
    assert probe.queues == [ARQ_QUEUE]
    await put(redis, jobs.plus, 1, 2, job_id="waits")
    assert await probe.check(pool_at(redis_url)) is first
    probe._probed_s = float("-inf")
    second = await probe.check(pool_at(redis_url))
    assert second is not None
    assert second.queues[ARQ_QUEUE].io_s is not None
    await redis.flushall()


async def test_it_follows_the_url_of_the_newest_worker(probe: RedisProbe, redis_url: str, tmp_path: Path) -> None:
    gone = f"unix://{tmp_path}/nobody.sock"
    first = await probe.open(pool_at(redis_url))
    assert await probe.open(pool_at(gone, redis_url)) is first
    assert await probe.open(pool_at(redis_url, gone)) is not first
    result = await probe.check(pool_at(redis_url, gone))
    assert result is not None
    assert result.error
