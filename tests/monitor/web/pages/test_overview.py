"""The figures of the overview cover the same time, and agree with the health shown above them."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from tests.monitor.web.site import Site

KEYS = QueueKeys.of(DEFAULT_QUEUE)


async def count(redis: Redis, seconds_ago: int, **counts: int) -> None:
    """Counts what acknowledgements of that time would have."""
    now_s, _ = await redis.time()
    key = f"{KEYS.base}second:{int(now_s) - seconds_ago}"
    await redis.hset(key, mapping=counts)
    await redis.expire(key, 600)


@pytest.fixture
async def _failed_three_minutes_ago(redis: Redis) -> None:
    await count(redis, 180, enqueued=100, succeeded=75, failed=25)
    await count(redis, 30, enqueued=100, succeeded=100)
    await count(redis, 400, succeeded=500, failed=500)


@pytest.mark.usefixtures("_failed_three_minutes_ago")
@pytest.mark.parametrize("span", ["10m", "1h", "1d"])
async def test_the_share_of_failures_agrees_with_the_health(redis: Redis, site: Site, span: str) -> None:
    await redis.zadd(KEYS.queue, {"one": 1})  # or else nothing is said of a queue that nobody serves
    shown = await site.text(f"/?span={span}")
    assert "25 of 200 jobs failed in the last 5 minutes (12%)" in shown
    assert "25 of 200, 5 min" in shown


async def test_rates_in_and_out_cover_the_same_seconds(redis: Redis, site: Site) -> None:
    await count(redis, 30, enqueued=6000, succeeded=6000)
    shown = await site.text("/")
    assert ">0 jobs/s in" in shown
