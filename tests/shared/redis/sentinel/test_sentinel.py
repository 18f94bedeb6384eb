"""Sentinel: a URL leads to the primary, wherever it goes, and what stands in the way is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chaos.processes.failover import Trio
from monarq import Producer, RedisRefusedError, SyncProducer
from monarq.embedded import EmbeddedRedis
from monarq.producer import named
from monarq.shared.errors import RedisUnavailableError, SettingsError
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.connection import UrlSource, check_redis, open_redis, redacted_url
from monarq.shared.redis.private_pool import PrivatePool, writer_of
from monarq.shared.redis.redis_errors import CommandFailure, NotSentError, classify_failure
from tests.cli.command import monarq
from tests.support.sentinels import SENTINEL_PASSWORD, SERVER_PASSWORD, running_trio
from tests.support.slowness import in_time


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    async with running_trio(tmp_path) as made:
        yield made


async def soon(client: Redis, value: str) -> None:
    """Writes the key as soon as it can."""
    async with in_time(10):
        while True:
            try:
                await client.set("key", value)
                return
            except (RedisError, OSError):
                await asyncio.sleep(0.05)


async def test_connections_leave_a_primary_that_hands_over_and_lives_on(trio: Trio) -> None:
    old, new = await trio.roles()
    source = UrlSource(trio.url)
    client, blocking = source.client(), source.blocking_client()
    own = RedisClient(PrivatePool.like(source.client()), shown=source.shown, timeout_s=5)
    listener = own.pubsub()
    try:
        await listener.subscribe("channel")
        for each in (client, own):
            await each.set("key", "old")
        assert await asyncio.to_thread(blocking.get, "key") == b"old"
        await trio.switch()
        # Nothing is sent on it, and the server does not close it: as far as it knows, it is the primary.
        async with in_time(10):
            while listener.connection is not None and listener.connection.is_connected:
                await asyncio.sleep(0.02)
        assert (await old.client.info("replication"))["role"] == "master"
        # The others look at times of their own; what the old one takes meanwhile is thrown away.
        for each in (client, own):
            async with in_time(10):
                while await new.client.get("key") != b"new":
                    await soon(each, "new")
            await new.client.set("key", "newer")
        async with in_time(10):
            while await asyncio.to_thread(blocking.get, "key") != b"newer":
                await asyncio.sleep(0.02)
        assert (await old.client.info("replication"))["role"] == "master"
    finally:
        await listener.aclose()  # type: ignore[no-untyped-call]
        await own.aclose()
        await client.aclose()
        blocking.close()


async def test_a_primary_that_is_killed_and_one_that_is_demoted(trio: Trio) -> None:
    old, new = await trio.roles()
    client, blocking = open_redis(trio.url), UrlSource(trio.url).blocking_client()
    try:
        await client.set("key", "1")
        await old.kill()
        await trio.until_primary(new)
        await soon(client, "again")
        assert await asyncio.to_thread(blocking.get, "key") == b"again"
        # The sentinels still call it the primary, so nothing but its own word keeps us from it.
        await new.command("REPLICAOF", "127.0.0.1", str(old.port))
        with pytest.raises(RedisError, match="read only replica"):
            await client.set("key", "2")
        with pytest.raises(redis.RedisError, match="is a replica, but the sentinels still name it"):
            await client.get("key")
        blocking.connection_pool.disconnect()
        with pytest.raises(redis.RedisError, match="is a replica, but the sentinels still name it"):
            await asyncio.to_thread(blocking.get, "key")
    finally:
        await client.aclose()
        blocking.close()


async def test_who_lets_us_in(trio: Trio) -> None:
    hosts = ",".join(f"127.0.0.1:{port}" for port in trio.ports)
    front, query = f"redis+sentinel://:{SERVER_PASSWORD}@", "?sentinel_password=of%2Fthe%40sentinels"
    for url, words in {
        f"{front}{hosts}/chaos": "the sentinels of redis.*chaos refused the user or password: set the sent",
        f"{front}{hosts}/chaos?sentinel_password=no": "the sentinels of .* refused the user or password",
        f"{front}{hosts}/other{query}": (
            "cannot be found: no sentinel knows the service 'other'; they know 'chaos': "
            f".*{trio.ports[0]}: it knows no service with this name.*Check the name of the service in its URL"
        ),
        f"redis+sentinel://{hosts}/chaos{query}": (
            r"authentication required: set user and password in its URL \(redis\+sentinel://user:password@host:port/S"
        ),
        f"redis+sentinel://:no@{hosts}/chaos{query}": "refused the user or password: check them in its URL",
        f"{front}127.0.0.1:1/chaos{query}": r"no sentinel names a primary for 'chaos': 127.0.0.1:1: .*onnect",
    }.items():
        async with open_redis(url) as client:
            with pytest.raises(RedisUnavailableError, match=words) as raised:
                await check_redis(client, redacted_url(url))
        assert SERVER_PASSWORD not in str(raised.value)
        assert SENTINEL_PASSWORD not in str(raised.value)
        assert "start it" not in str(raised.value) or "127.0.0.1:1/" in url
    blocking = UrlSource(f"{front}127.0.0.1:1,{hosts}/other{query}").blocking_client()
    with pytest.raises(
        redis.ConnectionError, match=r"no sentinel knows the service 'other'; they know 'chaos': .*:1: "
    ):
        await asyncio.to_thread(blocking.get, "key")
    blocking.close()
    # A sentinel that has just started may learn of it: this is waited for, unlike a password.
    async with open_redis(f"{front}{hosts}/other{query}") as client:
        own = RedisClient(PrivatePool.like(client), shown="here", timeout_s=5)
        with pytest.raises(NotSentError) as unsent:
            await own.ping()
        await own.aclose()
    assert classify_failure(unsent.value) is CommandFailure.UNREACHABLE
    # One of them cannot be reached, and the next one is not there any more.
    await trio.kill_sentinel(trio.ports[0])
    url = f"{front}127.0.0.1:1,{hosts}/chaos/3{query}"
    blocking = UrlSource(url).blocking_client()
    async with open_redis(url) as client:
        await client.set("key", "in 3")
        assert await asyncio.to_thread(blocking.get, "key") == b"in 3"
    blocking.close()


async def test_a_sentinel_that_is_named_as_a_server(trio: Trio) -> None:
    url = f"redis://:{quote(SENTINEL_PASSWORD, safe='')}@127.0.0.1:{trio.ports[0]}"
    ended = await monarq("worker", "tests.cli.target", "-w", "1", "--burst", url=url)
    assert ended.code != 0
    assert "is a sentinel: use redis+sentinel://host:port/SERVICE" in ended.err
    for command in (("stats",), ("enqueue", "tests.cli.target:double", "1")):
        ended = await monarq(*command, url=url)
        assert ended.code != 0
        assert "if it is a sentinel, use redis+sentinel://host:port/SERVICE" in ended.err


async def test_a_server_that_is_named_as_a_sentinel() -> None:
    """Nothing of that passes by itself: no program waits for it."""
    with EmbeddedRedis(port=0) as server:
        node = server.url.removeprefix("redis://").partition("/")[0]
        url = f"redis+sentinel://{node}/service"
        words = f"{node} is not a sentinel, but a Redis server: give the addresses of sentinels, or of the server as redis://"
        async with Producer(url) as producer:
            with pytest.raises(RedisRefusedError, match=words):
                await producer.enqueue(named("x"))
        with SyncProducer(url) as blocking, pytest.raises(RedisRefusedError, match=words):
            blocking.enqueue(named("x"))
        async with open_redis(url) as client:
            with pytest.raises(RedisRefusedError, match=words):
                await check_redis(client, redacted_url(url))
        commands = ("worker", "tests.cli.target", "-w", "1"), ("stats",), ("enqueue", "tests.cli.target:double", "1")
        for command in commands:
            ended = await monarq(*command, url=url)
            assert ended.code != 0
            assert words in ended.err
            assert "unknown command" not in ended.err


async def test_where_one_may_be_a_sentinel_its_start_is_waited_for() -> None:
    with EmbeddedRedis(port=0) as server:
        node = server.url.removeprefix("redis://").partition("/")[0]
        async with open_redis(f"redis+sentinel://127.0.0.1:1,{node}/service") as client:
            with pytest.raises(RedisUnavailableError, match=f"{node}: it is a server, not a sentinel"):
                await check_redis(client, "here")


async def test_a_sentinel_that_is_named_as_a_cluster(trio: Trio) -> None:
    url = f"redis+cluster://:{quote(SENTINEL_PASSWORD, safe='')}@127.0.0.1:{trio.ports[0]}"
    ended = await monarq("stats", url=url)
    assert ended.code != 0
    assert f"127.0.0.1:{trio.ports[0]} is not a node of a Redis Cluster: if it is a sentinel, use" in ended.err


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("no_such_option=1", "an option no_such_option after"),
        ("sentinel_no_such_option=1", "an option sentinel_no_such_option after"),
        ("sentinel_socket_timeout=soon", "an invalid option"),
    ],
)
def test_an_option_that_redis_py_does_not_take(option: str, words: str) -> None:
    for open_it in (UrlSource.client, UrlSource.blocking_client):
        with pytest.raises(SettingsError, match=rf"the Redis URL redis\+sentinel://a:26379/n has {words}"):
            open_it(UrlSource(f"redis+sentinel://:secret@a/n?{option}"))


async def test_closing_waits_for_no_sentinel(trio: Trio) -> None:
    made = UrlSource(trio.url).client()
    client = RedisClient(PrivatePool.like(made), shown="", timeout_s=5)
    await client.set("key", "value")
    trio.freeze_sentinels()
    try:
        for sentinel in made.connection_pool.sentinel_manager.sentinels:  # type: ignore[attr-defined]
            for connection in sentinel.connection_pool._available_connections:
                writer_of(connection).write(bytes(50_000_000))
        await client.aclose()
    finally:
        trio.thaw_sentinels()
