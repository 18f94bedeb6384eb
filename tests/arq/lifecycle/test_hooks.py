"""The hooks of a worker by arq's settings: their order, the client for ctx, and what is left when one of them fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import arq
import pytest
from arq.connections import RedisSettings
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

import monarq.arq
from monarq.arq.lifecycle.health_check import HealthCheckWriter
from monarq.arq.lifecycle.hooks import ArqHooks, make_cron_scheduler, make_parts, open_pool
from monarq.arq.runs.log import ArqLog
from monarq.arq.settings.reader import ArqTarget, read_arq_settings
from monarq.shared.queue import to_ref
from monarq.shared.redis.connection import UrlSource
from monarq.workers.config.settings import Hook, Hooks, WorkerSettings
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher
from tests.arq import jobs
from tests.arq.jobs import Ctx
from tests.arq.workers import until

KEY = "arq:queue:health-check"
CLIENT = "client-for-ctx"
AT_START = arq.cron(jobs.count_run, month=2, day=29, run_at_startup=True)


def target_of(settings: RedisSettings, **given: Any) -> ArqTarget:
    return read_arq_settings({"functions": [jobs.add], "redis_settings": settings, **given})


def hooks_of(
    target: ArqTarget,
    open_pool: Callable[[], Awaitable[arq.ArqRedis]],
    *,
    startup: Hook | None = None,
    shutdown: Hook | None = None,
) -> ArqHooks:
    """The hooks of a worker with one cron job, which call these of the user."""
    log = ArqLog()
    health = HealthCheckWriter(target.settings, log, key=KEY)
    cron = make_cron_scheduler(target, target.settings, Dispatcher(log))
    return ArqHooks(["add"], log, health, cron, open_pool, Hooks(startup=startup, shutdown=shutdown))


@pytest.fixture
def target(redis_settings: RedisSettings) -> ArqTarget:
    return target_of(redis_settings, cron_jobs=[AT_START])


@pytest.fixture
def named(target: ArqTarget) -> Callable[[], Awaitable[arq.ArqRedis]]:
    """Opens the client for ctx, which Redis knows by its name while it is connected."""

    async def open_named() -> arq.ArqRedis:
        pool = await open_pool(target, "arq:queue")
        await pool.client_setname(CLIENT)
        return pool

    return open_named


async def is_closed(redis: Redis) -> bool:
    return CLIENT not in [client["name"] for client in await redis.client_list()]


async def test_what_comes_before_the_first_claim_and_in_which_order(
    redis: Redis, target: ArqTarget, named: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "arq.worker")

    async def startup(ctx: Ctx) -> None:
        assert await ctx["redis"].ping()
        assert "Starting worker for 1 functions: add" in caplog.text
        assert "redis_version=" in caplog.text
        assert not hooks.started
        assert await redis.exists(KEY, "arq:queue") == 0

    hooks = hooks_of(target, named, startup=startup)
    ctx: Ctx = {"mine": 7}
    await hooks.startup(ctx)
    assert hooks.started
    assert ctx.keys() == {"mine", "redis"}
    assert (await redis.get(KEY)).endswith(b"queued=0"), "the line comes before the first cron job"
    assert await redis.zcard("arq:queue") == 1
    await hooks.shutdown(ctx)
    await until(lambda: is_closed(redis))


async def test_at_the_end_the_users_hook_still_has_the_client(redis: Redis, target: ArqTarget, named: Any) -> None:
    async def shutdown(ctx: Ctx) -> None:
        assert not await is_closed(redis)
        assert await ctx["redis"].ping()
        raise ValueError("no")

    hooks, ctx = hooks_of(target, named, shutdown=shutdown), Ctx()
    await hooks.startup(ctx)
    with pytest.raises(ValueError, match="no"):
        await hooks.shutdown(ctx)
    await until(lambda: is_closed(redis))


async def test_a_start_that_fails_closes_the_client(redis: Redis, target: ArqTarget, named: Any) -> None:
    async def startup(ctx: Ctx) -> None:
        assert not await is_closed(redis)
        raise KeyboardInterrupt

    hooks = hooks_of(target, named, startup=startup)
    with pytest.raises(KeyboardInterrupt):
        await hooks.startup({})
    await until(lambda: is_closed(redis))
    assert not hooks.started
    assert await redis.exists(KEY, "arq:queue") == 0


async def test_a_redis_that_cannot_be_reached_fails_the_start_and_not_the_end(target: ArqTarget) -> None:
    async def refuse() -> arq.ArqRedis:
        return await open_pool(target_of(RedisSettings(port=1, conn_retries=0)), "arq:queue")

    called: list[Ctx] = []

    async def note(ctx: Ctx) -> None:
        called.append(ctx)

    hooks = hooks_of(target, refuse, startup=note, shutdown=note)
    with pytest.raises(RedisConnectionError):
        await hooks.startup({})
    assert (hooks.started, called) == (False, [])
    await hooks.shutdown({})
    assert called == [{}]


async def test_a_health_line_or_cron_job_that_cannot_be_written_delays_no_start(
    redis: Redis, target: ArqTarget, named: Any
) -> None:
    await redis.acl_setuser(
        "limited", enabled=True, nopass=True, commands=["+@all", "-psetex", "-time", "-info"], keys=["*"]
    )
    try:

        async def open_limited() -> arq.ArqRedis:
            pool: arq.ArqRedis = await named()
            pool.connection_pool.connection_kwargs["username"] = "limited"
            await pool.execute_command("AUTH", "limited", "")
            return pool

        hooks, ctx = hooks_of(target, open_limited), Ctx()
        await hooks.startup(ctx)
        assert hooks.started
        assert await redis.exists(KEY, "arq:queue") == 0
        await hooks.shutdown(ctx)
    finally:
        await redis.acl_deluser("limited")


async def test_the_parts_of_a_worker(redis_settings: RedisSettings) -> None:
    async def hook(ctx: Ctx) -> None: ...

    target = target_of(redis_settings, on_startup=hook, on_job_start=hook, health_check_key="my:key")
    parts = make_parts(target)
    assert parts.settings.hooks.startup is not hook, "the user's is called by it"
    assert parts.settings.hooks.job_start is hook
    assert parts.settings.queues == target.settings.queues
    [health] = parts.background
    assert isinstance(health, HealthCheckWriter)
    assert health.key == "my:key"
    assert target.settings.hooks.startup is hook


async def test_a_worker_with_cron_jobs_keeps_them_in_the_background(target: ArqTarget) -> None:
    parts = make_parts(target, WorkerSettings(queues=(to_ref("other"),)), started=datetime(2026, 3, 2, tzinfo=UTC))
    health, cron = parts.background
    assert isinstance(health, HealthCheckWriter)
    assert health.key == "other:health-check"
    assert isinstance(cron, CronScheduler)
    assert parts.settings.queues == (to_ref("other"),)


async def test_without_cron_jobs_there_is_no_scheduler(redis_settings: RedisSettings) -> None:
    target = target_of(redis_settings)
    assert make_cron_scheduler(target, target.settings, Dispatcher()) is None


async def test_the_client_is_the_users_own_if_there_is_one(stock: arq.ArqRedis, pool: monarq.arq.ArqRedis) -> None:
    for own in (stock, pool):
        assert await open_pool(read_arq_settings({"functions": [jobs.add], "redis_pool": own}), "other") is own


@pytest.mark.parametrize("with_source", [False, True], ids=["by the settings", "to another Redis"])
async def test_a_client_that_is_made_has_the_settings_of_the_worker(
    redis_url: str, redis_settings: RedisSettings, with_source: bool
) -> None:
    def dump(value: dict[str, Any]) -> bytes:
        return b""

    nowhere = RedisSettings(port=1, conn_retries=0)
    target = target_of(
        nowhere if with_source else redis_settings, job_serializer=dump, expires_extra_ms=70, signing_key="k" * 32
    )
    made = await open_pool(target, "other", UrlSource(redis_url) if with_source else None)
    try:
        assert await made.ping()
        assert isinstance(made, monarq.arq.ArqRedis)
        assert (made.job_serializer, made.default_queue_name, made.expires_extra_ms) == (dump, "other", 70)
        assert made.signer is target.settings.codecs.signer is not None
    finally:
        await made.aclose(close_connection_pool=True)
