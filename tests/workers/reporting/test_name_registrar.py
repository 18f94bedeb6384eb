"""The name registrar: every queue of a worker knows its jobs, however many, and again after trouble with Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chaos.faults.proxy import Cut
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.register_names import BATCH, read_names
from monarq.shared.redis.connection import open_redis
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.reporting import name_registrar
from monarq.workers.reporting.name_registrar import NameRegistrar
from tests.support.cancelling import end
from tests.support.proxy import Proxy
from tests.support.queues import queue_of
from tests.support.slowness import in_time

ONE, OTHER = QueueKeys.of("one"), QueueKeys.of("other")


class Outages(Dispatcher):
    """Keeps what it is told of Redis."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def redis_lost(self, doing: str, error: BaseException) -> None:
        assert isinstance(error, (RedisError, OSError))
        self.told.append(f"lost while {doing}")

    def redis_back(self, doing: str) -> None:
        self.told.append(f"back for {doing}")


@asynccontextmanager
async def registering(
    redis: Redis, names: Sequence[str], *queues: QueueKeys, events: Dispatcher | None = None
) -> AsyncIterator[None]:
    """A registrar at work."""
    registrar = NameRegistrar(
        redis=redis, queues=[queue_of(keys) for keys in queues], names=names, events=events or Outages()
    )
    task = asyncio.create_task(registrar.run())
    try:
        yield
    finally:
        await end(task)


async def until_known(redis: Redis, keys: QueueKeys, count: int) -> None:
    async with in_time(10):
        while await redis.zcard(keys.known_names) < count:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("count", [1, BATCH, BATCH + 1, 3 * BATCH])
async def test_every_queue_knows_every_name(redis: Redis, count: int) -> None:
    names = [f"name {number}" for number in range(count)]
    async with registering(redis, names, ONE, OTHER):
        for keys in (ONE, OTHER):
            await until_known(redis, keys, count)
            assert names[0] in await read_names(redis, keys)
            assert names[-1] in await read_names(redis, keys)
    assert "another" not in await read_names(redis, ONE)


async def test_a_worker_without_jobs_registers_nothing_and_runs_on(redis: Redis) -> None:
    registrar = NameRegistrar(redis=redis, queues=[queue_of(ONE)], names=[], events=Outages())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(registrar.run(), 0.05)
    assert not await redis.exists(ONE.known_names)


async def test_names_are_registered_again_and_again(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_registrar, "EVERY_S", 0.01)
    async with registering(redis, ["send"], ONE):
        for _ in range(3):
            await until_known(redis, ONE, 1)
            await redis.delete(ONE.known_names)
        await until_known(redis, ONE, 1)


async def test_after_trouble_with_redis_all_names_are_registered_and_each_outage_is_told_once(
    redis: Redis, proxy: Proxy
) -> None:
    events: Any = Outages()
    async with open_redis(proxy.url) as client:
        proxy.lose(Cut.REQUEST, ONE.base.encode(), times=2)
        async with registering(client, ["send"], ONE, OTHER, events=events):
            await until_known(redis, OTHER, 1)
    assert "send" in await read_names(redis, ONE)
    doing = f"registering the names of jobs in {ONE.ref}"
    assert events.told == [f"lost while {doing}", f"back for {doing}"]
    assert proxy.lost == 2
