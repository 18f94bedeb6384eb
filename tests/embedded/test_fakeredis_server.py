"""The fakeredis server: what monarq and arq need of a Redis, and the faults of fakeredis' own server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from arq.connections import log_redis_info
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from monarq.embedded import EmbeddedRedis
from monarq.embedded.discovery import FORCE_VARIABLE
from tests.support.slowness import in_time, patience_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

UNKNOWN_SHA = "0" * 40
Client = Any  # redis-py declares each reply as itself or an awaitable of it, which can be neither used nor awaited


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORCE_VARIABLE, "fakeredis")
        with EmbeddedRedis() as server:
            yield server.url


@pytest_asyncio.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with Redis.from_url(url) as client:
        await client.flushall()
        yield client


@pytest_asyncio.fixture
async def other(url: str) -> AsyncIterator[Client]:
    async with Redis.from_url(url, single_connection_client=True) as client:
        yield client


async def until_gone(client: Client, name: str) -> None:
    """Return when the server has forgotten the client of that name."""
    async with in_time(5):
        while any(known["name"] == name for known in await client.client_list()):
            await asyncio.sleep(0.01)


async def test_an_error_does_not_cost_the_connection(other: Client) -> None:
    number = await other.client_id()
    await other.rpush("list", "x")
    for script, message in [("return redis.call('INCR', 'list')", "WRONGTYPE"), ("error('two\\nlines')", "two lines")]:
        with pytest.raises(ResponseError, match=message):
            await other.eval(script, 0)
    with pytest.raises(NoScriptError):
        await other.evalsha(UNKNOWN_SHA, 0)
    assert await other.client_id() == number


async def test_a_pipeline_goes_on_after_an_error(client: Client) -> None:
    pipeline = client.pipeline(transaction=False)
    pipeline.set("key", b"\x00\r\n\xff").evalsha(UNKNOWN_SHA, 0).get("key").get("none")
    stored, error, value, none = await pipeline.execute(raise_on_error=False)
    assert (stored, value, none) == (True, b"\x00\r\n\xff", None)
    assert isinstance(error, NoScriptError)


async def test_scripts_have_the_clock_and_many_arguments(client: Client) -> None:
    script = """
        local ids, scores = {}, {}
        for i = 1, 3000 do
            ids[i] = 'job' .. i
            scores[2 * i - 1] = redis.call('TIME')[1]
            scores[2 * i] = ids[i]
        end
        return {redis.call('ZADD', KEYS[1], unpack(scores)), #redis.call('MGET', unpack(ids)), tonumber(scores[1])}
    """
    added, values, seconds = await client.evalsha(await client.script_load(script), 1, "queue")
    assert (added, values) == (3000, 3000)
    assert seconds == pytest.approx((await client.time())[0], abs=2)


async def test_scripts_are_as_strict_as_those_of_redis(client: Client) -> None:
    with pytest.raises(ResponseError, match="Attempt to modify a readonly table"):
        await client.eval("leaked = 1", 0)
    assert await client.eval("return tostring(os) .. tostring(io) .. tostring(python)", 0) == b"nilnilnil"


@pytest.mark.parametrize("payload", [b"x" * 16_000_000, b"line\n" * 200_000], ids=["16 MB", "200,000 lines"])
async def test_large_payloads_come_back(client: Client, payload: bytes) -> None:
    async with in_time(10):
        await client.set("large", payload)
        assert await client.get("large") == payload


async def test_a_message_reaches_its_subscribers_until_they_are_gone(client: Client, url: str) -> None:
    async with Redis.from_url(url, client_name="listener") as listener, listener.pubsub() as messages:
        await messages.subscribe("news")
        assert await messages.get_message(timeout=patience_s(5))
        assert await client.eval("return redis.call('PUBLISH', 'news', ARGV[1])", 0, b"\xff\r\n") == 1
        message = await messages.get_message(ignore_subscribe_messages=True, timeout=patience_s(5))
        assert message is not None
        assert message["data"] == b"\xff\r\n"
    await until_gone(client, "listener")
    assert await client.publish("news", "anyone?") == 0


async def test_blocked_clients_share_what_comes(client: Client) -> None:
    waiting = [asyncio.create_task(client.blpop(["list"], timeout=5)) for _ in range(20)]
    await client.eval("for i = 1, 20 do redis.call('RPUSH', 'list', i) end", 0)
    taken = await asyncio.gather(*waiting)
    assert sorted(int(pair[1]) for pair in taken) == list(range(1, 21))


async def test_a_client_that_is_gone_takes_nothing(client: Client, other: Client) -> None:
    await other.client_setname("gone")
    gone = asyncio.create_task(other.blpop(["list"], timeout=0))
    await asyncio.sleep(0.05)  # nothing tells when a client blocks; were it too early, the test would still be true
    gone.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await gone
    await other.aclose()
    await until_gone(client, "gone")
    await client.rpush("list", "job")
    assert await client.lpop("list") == b"job"


async def test_a_fault_inside_fakeredis_says_what_it_is(other: Client) -> None:
    with pytest.raises(ResponseError, match="fakeredis failed: JSONDecodeError"):
        await other.eval("return cjson.decode('{')", 0)
    with contextlib.suppress(RedisConnectionError):
        await other.ping()
    assert await other.ping()


async def test_the_server_reports_about_itself(client: Client) -> None:
    lines: list[str] = []
    await log_redis_info(client, lines.append)
    assert lines[0].startswith("redis_version=7.0.0 mem_usage=")
    assert await client.config_get("maxmemory*") == {"maxmemory": "0", "maxmemory-policy": "noeviction"}
    info = await client.info("stats")
    assert info["total_commands_processed"] > 0
    assert "redis_version" not in info


async def test_resp3_is_refused_and_not_half_done(url: str) -> None:
    async with Redis.from_url(url, protocol=3) as client:
        with pytest.raises(RedisConnectionError, match="NOPROTO this server speaks RESP2 only"):
            await client.ping()


async def test_what_is_no_redis_client_is_sent_away(url: str) -> None:
    reader, writer = await asyncio.open_unix_connection(url.removeprefix("unix://"))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with in_time(5):
        assert (await reader.read()).startswith(b"-ERR Protocol error")
    writer.close()


async def test_many_clients_at_once(url: str) -> None:
    async def count(number: int) -> int:
        async with Redis.from_url(url) as client:
            return int(await client.incr("clients"))

    async with in_time(10):
        assert sorted(await asyncio.gather(*map(count, range(100)))) == list(range(1, 101))
