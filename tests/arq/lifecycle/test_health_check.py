"""arq's health-check key: written, kept alive and removed by workers, and found by arq's check."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, ClassVar

import arq
import pytest
from arq.connections import RedisSettings
from redis.asyncio import Redis

from monarq.arq.lifecycle.health_check import HealthCheckWriter
from monarq.arq.runs.log import ArqLog
from monarq.arq.worker import async_check_health, check_health
from monarq.workers.config.settings import WorkerSettings
from tests.arq import jobs
from tests.arq.workers import ours, running, until
from tests.support.cancelling import end
from tests.support.slowness import in_time

KEY = "arq:queue:health-check"


@pytest.fixture(autouse=True)
def at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged, with all times alike."""
    told = [record.getMessage() for record in caplog.records if record.name.startswith("arq")]
    return [re.sub(r" *\d+\.\d\ds", " X.XXs", line) for line in told]


async def test_the_health_key_is_written_as_arq_does_and_deleted_on_close(
    pool: arq.ArqRedis, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    worker = ours(pool, burst=True, health_check_interval=60)
    await worker.main()
    line = (await redis.get(KEY)).decode()
    assert re.fullmatch(
        r"[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d j_complete=0 j_failed=0 j_retried=0 j_ongoing=0 queued=0", line
    )
    assert 0 < await redis.pttl(KEY) <= 61_000
    await worker.close()
    assert await redis.get(KEY) is None


async def test_what_the_health_line_counts(pool: arq.ArqRedis, caplog: pytest.LogCaptureFixture) -> None:
    worker = ours(pool, burst=True, health_check_interval=0.001)
    await pool.enqueue_job("add", 1, 2)
    await worker.main()
    await worker.main()
    told = [text for text in lines(caplog) if text.startswith("recording health: ")]
    assert told[-1].endswith("j_complete=1 j_failed=0 j_retried=0 j_ongoing=0 queued=0")


async def test_health_checks_find_the_key(
    pool: arq.ArqRedis, redis_settings: RedisSettings, caplog: pytest.LogCaptureFixture
) -> None:
    assert await async_check_health(redis_settings) == 1
    assert lines(caplog)[-1] == "Health check failed: no health check sentinel value found"
    async with running(ours(pool, health_check_key="my:key")):
        await until(lambda: pool.exists("my:key"))
        assert await async_check_health(redis_settings, health_check_key="my:key") == 0
    assert any(line.startswith("Health check successful: b'") for line in lines(caplog))


def test_check_health_reads_inherited_settings(redis_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Base:
        redis_settings = RedisSettings(unix_socket_path=redis_server.url.removeprefix("unix://").partition("?")[0])
        functions: ClassVar[list[Any]] = [jobs.add]

    class Settings(Base):
        queue_name = "nobody"

    assert check_health(Settings) == 1
    assert lines(caplog)[-1] == "Health check failed: no health check sentinel value found"


async def test_of_two_workers_with_one_key_none_takes_the_others_away(redis: Redis) -> None:
    settings = WorkerSettings()
    busy = ArqLog()
    busy.complete = 7
    one, other = HealthCheckWriter(settings, ArqLog(), key=KEY), HealthCheckWriter(settings, busy, key=KEY)
    await one.record(redis)
    await other.record(redis)
    await one.remove(redis)
    assert b"j_complete=7" in await redis.get(KEY)
    await other.remove(redis)
    assert await redis.get(KEY) is None
    await one.record(redis)  # it is not time yet, but the key is gone
    assert b"j_complete=0" in await redis.get(KEY)


async def test_the_key_lives_for_a_lease_and_is_kept_alive(redis: Redis) -> None:
    settings = WorkerSettings(lease_s=3)
    task = asyncio.create_task(HealthCheckWriter(settings, ArqLog(), key=KEY).run(redis))
    try:
        await until(lambda: redis.exists(KEY))
        line, left_ms = await redis.get(KEY), await redis.pttl(KEY)
        assert 0 < left_ms <= 3000
        async with in_time(10):
            while (now_ms := await redis.pttl(KEY)) <= left_ms:
                left_ms = now_ms
                await asyncio.sleep(0.02)
        assert left_ms > 300  # it was written again in good time
        assert await redis.get(KEY) == line
    finally:
        await end(task)


async def test_the_line_of_a_stock_worker_stays(redis: Redis) -> None:
    """Such a worker writes it again only after an hour."""
    settings = WorkerSettings()
    health = HealthCheckWriter(settings, ArqLog(), key=KEY)
    await health.record(redis)
    await redis.set(KEY, b"stock", ex=3601)
    await health.record(redis)
    assert await redis.get(KEY) == b"stock"
    assert await redis.ttl(KEY) > 3000


async def test_the_key_goes_with_a_worker_of_a_pool(redis: Redis) -> None:
    settings = WorkerSettings()
    task = asyncio.create_task(HealthCheckWriter(settings, ArqLog(), key=KEY).run(redis))
    await until(lambda: redis.exists(KEY))
    await end(task)
    assert await redis.exists(KEY) == 0
