"""A Redis that has reached its maxmemory: nothing more comes in, and nothing half; what lets jobs end goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from monarq.shared.formats.native.workers.fleet import beat_fleet
from tests.shared.formats.native.state import WORKER
from tests.shared.formats.native.steps import GOES_ON, REFUSED
from tests.shared.formats.native.whole_state import members_of


@asynccontextmanager
async def full(redis: Redis) -> AsyncIterator[None]:
    """Redis is full meanwhile."""
    await redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        await redis.config_set("maxmemory", 0)


@pytest.mark.parametrize("name", GOES_ON)
async def test_what_lets_jobs_end_works_as_ever(name: str, redis: Redis) -> None:
    prepare, step = GOES_ON[name]
    await prepare(redis)
    reply, expected = shown(await step(redis)), await members_of(redis)
    await redis.flushdb()
    await prepare(redis)
    async with full(redis):
        assert shown(await step(redis)) == reply
    assert await members_of(redis) == expected
    await redis.flushdb()


def shown(reply: object) -> str:
    """A reply without the times in it."""
    return type(reply).__name__ if isinstance(reply, int | tuple) else str(reply)


@pytest.mark.parametrize("name", REFUSED)
async def test_an_enqueue_is_refused_and_nothing_is_half_done(name: str, redis: Redis) -> None:
    prepare, step = REFUSED[name]
    await prepare(redis)
    before = await members_of(redis)
    async with full(redis):
        with pytest.raises((OutOfMemoryError, ResponseError), match=r"OOM|maxmemory"):
            await step(redis)
    assert await members_of(redis) == before
    await step(redis)
    assert await members_of(redis) != before
    await redis.flushdb()


async def test_a_worker_stays_on_the_list_of_all(redis: Redis) -> None:
    async with full(redis):
        await beat_fleet(redis, WORKER, 15_000, b"{}", ["q"])
    assert await redis.zcard("monarq:n:{fleet}:beats") == 1
    await redis.flushdb()
