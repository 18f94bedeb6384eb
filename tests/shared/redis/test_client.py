"""The Redis client: replies in order, errors that say whether a command was sent, few connections, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.errors import ProducerClosedError
from monarq.shared.redis import client as client_module
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.private_pool import PrivatePool
from monarq.shared.redis.redis_errors import NotSentError
from tests.support.slowness import in_time


def open_client(url: str, timeout_s: float = 5.0, connections: int = 2) -> RedisClient:
    return RedisClient(PrivatePool.like(open_redis(url)), shown=url, timeout_s=timeout_s, connections=connections)


@pytest.fixture
async def client(redis_url: str, redis: Redis) -> AsyncIterator[RedisClient]:
    made = open_client(redis_url)
    yield made
    await made.aclose()


async def test_replies_come_in_the_order_of_the_commands(client: RedisClient) -> None:
    assert await client.execute(("SET", "a", b"1", "EX", 60), ("INCR", "a"), ("GET", "a")) == [b"OK", 2, b"2"]
    assert await client.get("a") == b"2", "redis-py's own methods go the same way"


async def test_replies_of_redis_py_s_own_methods_are_read_as_it_reads_them(client: RedisClient) -> None:
    await cast("Awaitable[int]", client.hset("h", "field", "1"))
    assert await cast("Awaitable[bool]", client.hexists("h", "field")) is True
    await client.delete("h")


@pytest.mark.parametrize("options", [{}, {"protocol": 3}, {"decode_responses": True}], ids=str)
async def test_replies_are_the_same_whatever_the_client_that_it_connects_like(
    redis_url: str, redis: Redis, options: dict[str, Any]
) -> None:
    async with (
        Redis.from_url(redis_url, **options) as like,
        RedisClient(PrivatePool.like(like), shown="here", timeout_s=5) as client,
    ):
        assert await client.execute(("HSET", "h", "field", "1"), ("HGETALL", "h"), ("DEL", "h")) == [
            1,
            [b"field", b"1"],
            1,
        ]


@pytest.mark.parametrize("options", [{}, {"protocol": 3}], ids=str)
async def test_it_connects_like_a_client_that_follows_a_server_which_moves(options: dict[str, Any]) -> None:
    async with Redis(host="127.0.0.1", port=1, **options) as like:
        pool = PrivatePool.like(like)
        assert pool.make_connection().host == "127.0.0.1"
        await pool.aclose()


async def test_an_error_among_replies_does_not_shift_the_next_ones(client: RedisClient) -> None:
    with pytest.raises(ResponseError, match="not an integer"):
        await client.execute(("SET", "a", "x", "EX", 60), ("INCR", "a"), ("SET", "b", "y", "EX", 60))
    assert await client.execute(("GET", "a"), ("GET", "b")) == [b"x", b"y"]


async def test_a_hundred_callers_share_its_connections(client: RedisClient, redis: Redis) -> None:
    before = len(await redis.client_list())
    replies = await asyncio.gather(*[client.execute(("ECHO", call)) for call in range(100)])
    assert replies == [[b"%d" % call] for call in range(100)]
    assert len(await redis.client_list()) - before <= 2
    assert len(client.filenos()) <= 2


async def test_connections_that_are_not_used_any_more_are_closed(
    client: RedisClient, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(await redis.client_list())
    await asyncio.gather(*[client.execute(("ECHO", call)) for call in range(10)])
    assert len(await redis.client_list()) - before == 2
    monkeypatch.setattr(client_module, "UNUSED_S", 0.0)
    await client.execute(("ECHO", "one"))
    while len(await redis.client_list()) - before > 1:
        await asyncio.sleep(0.01)
    await asyncio.gather(*[client.execute(("ECHO", call)) for call in range(10)])
    assert len(client.filenos()) <= 2


async def test_a_cancelled_call_leaves_no_reply_behind(client: RedisClient) -> None:
    blocked = asyncio.create_task(client.execute(("BLPOP", "empty", 5)))
    await asyncio.sleep(0.05)
    blocked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await blocked
    assert await client.execute(("ECHO", "mine")) == [b"mine"]


async def test_a_command_that_cannot_be_sent() -> None:
    client = open_client("redis://127.0.0.1:1")
    with pytest.raises(NotSentError):
        await client.execute(("PING",))
    await client.aclose()


async def test_closing_ends_calls_that_wait(client: RedisClient) -> None:
    blocked = asyncio.create_task(client.execute(("BLPOP", "empty", 5)))
    await asyncio.sleep(0.05)
    await client.aclose()
    async with in_time(2):
        with pytest.raises(Exception, match=r".+"):
            await blocked
    with pytest.raises(ProducerClosedError):
        await client.execute(("PING",))
    await client.aclose()
