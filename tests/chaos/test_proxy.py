"""The fault proxy does what scenarios rely on."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chaos.faults.proxy import Cut, FaultProxy, Rule
from chaos.processes.redis_server import RedisServer
from tests.support.slowness import in_time, patience_s


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendfsync="always")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def proxy(server: RedisServer) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(server.port, random.Random(1))
    await proxy.open()
    yield proxy
    await proxy.close()


async def test_request_cut_is_never_carried_out(server: RedisServer, proxy: FaultProxy) -> None:
    proxy.rules = [Rule("set", b"\r\nSET\r\n", Cut.REQUEST)]
    with pytest.raises(RedisConnectionError):
        await _once(proxy, "SET", "key", "1")
    assert await server.client.get("key") is None
    assert proxy.rules[0].done == 1


async def test_reply_cut_is_carried_out(server: RedisServer, proxy: FaultProxy) -> None:
    proxy.rules = [Rule("set", b"\r\nSET\r\n", Cut.REPLY)]
    with pytest.raises(RedisConnectionError):
        await _once(proxy, "SET", "key", "1")
    assert await server.client.get("key") == b"1"


async def test_only_what_a_rule_names_is_cut(server: RedisServer, proxy: FaultProxy) -> None:
    proxy.rules = [Rule("set", b"\r\nSET\r\n", Cut.REQUEST)]
    await _once(proxy, "INCR", "key")
    assert await server.client.get("key") == b"1"


async def test_the_deaf_break_nothing_and_say_nothing(server: RedisServer, proxy: FaultProxy) -> None:
    proxy.deaf = True
    with pytest.raises(RedisTimeoutError):
        await _once(proxy, "SET", "key", "1")
    assert await server.client.get("key") is None


async def test_listeners_that_were_muted_hear_nothing_ever_again(server: RedisServer, proxy: FaultProxy) -> None:
    async with Redis(host="127.0.0.1", port=proxy.port) as redis, redis.pubsub() as deaf, redis.pubsub() as later:
        await _subscribe(deaf)
        proxy.mutes_listeners = True
        assert await redis.publish("channel", "1") == 1
        assert await deaf.get_message(timeout=0.2) is None
        assert await redis.ping(), "other connections work"
        proxy.mutes_listeners = False
        await _subscribe(later)
        assert await redis.publish("channel", "2") == 2
        assert await later.get_message(timeout=patience_s(5)) is not None
        assert await deaf.get_message(timeout=0.2) is None


async def _subscribe(pubsub: PubSub) -> None:
    await pubsub.subscribe("channel")
    assert await pubsub.get_message(timeout=patience_s(5)) is not None


async def test_redis_killed_and_started_again_holds_what_it_held(server: RedisServer) -> None:
    await server.client.set("key", "1")
    await server.kill()
    await server.start()
    assert await server.client.get("key") == b"1"


async def _once(proxy: FaultProxy, *words: str) -> None:
    """One command, sent once."""
    url = urlsplit(proxy.url)
    redis = Redis(host="127.0.0.1", port=url.port or 0, socket_timeout=0.3, retry_on_error=[])
    try:
        async with in_time(5):
            await redis.execute_command(*words)  # type: ignore[no-untyped-call]
    finally:
        await redis.aclose()
