"""Enqueues that Redis refuses for good: nothing is enqueued or repeated, and the error says what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from chaos.faults.proxy import Cut
from monarq.producer import Producer, RedisRefusedError
from monarq.shared.errors import EnqueueUnknownError, RedisUnavailableError
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.queue import Queue
from monarq.shared.redis.connection import open_redis
from tests.producer.jobs import fetch, noop
from tests.support.formats import OF_ARQ, ON_BOTH, count_waiting, current_name
from tests.support.proxy import Proxy
from tests.support.slowness import in_time, patience_s


@pytest.fixture
async def full_redis(redis: Redis) -> AsyncIterator[Redis]:
    await redis.config_set("maxmemory", "1")
    yield redis
    await redis.config_set("maxmemory", "0")


@pytest.fixture
async def read_only_redis(redis: Redis) -> AsyncIterator[Redis]:
    await redis.replicaof("127.0.0.1", "1")
    yield redis
    await redis.replicaof("no", "one")


@ON_BOTH
async def test_a_full_redis(full_redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        started_s = time.monotonic()
        with pytest.raises(RedisRefusedError, match=r"nothing was enqueued.*out of memory.*maxmemory"):
            await producer.enqueue(fetch, "u")
        with pytest.raises(RedisRefusedError, match="out of memory"):
            await producer.enqueue_many(fetch, [("u",)] * 10)
        assert time.monotonic() - started_s < patience_s(5)
    assert await full_redis.dbsize() == 0


@ON_BOTH
async def test_a_replica_is_waited_for_as_a_failover_ends(read_only_redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        enqueueing = asyncio.create_task(producer.enqueue(fetch, "u"))
        await until_refused(read_only_redis, "READONLY")
        assert not enqueueing.done()
        await read_only_redis.replicaof("no", "one")
        assert not (await enqueueing).existed
    assert await count_waiting(read_only_redis) == 1


@ON_BOTH
async def test_a_replica_that_stays_one(read_only_redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, retry_for=0.3, queue=current_name()) as producer:
        with pytest.raises(RedisRefusedError, match=r"nothing was enqueued.*read-only replica"):
            await producer.enqueue(fetch, "u")
    assert await read_only_redis.dbsize() == 0


@ON_BOTH
async def test_a_server_that_became_a_replica_is_left_for_the_new_primary(redis: Redis, proxy: Proxy) -> None:
    """The name, here the proxy, leads to another server after a failover; connections that were open do not."""
    async with Producer(proxy.url, queue=current_name()) as producer:
        await producer.enqueue(noop)
        before = proxy.accepted
        await redis.replicaof("127.0.0.1", "1")
        try:
            enqueueing = asyncio.create_task(producer.enqueue(fetch, "u"))
            await until_refused(redis, "READONLY", times=3)
        finally:
            await redis.replicaof("no", "one")
        await enqueueing
        assert proxy.accepted > before


@ON_BOTH
async def test_a_redis_that_cannot_save_is_waited_for(redis: Redis, redis_url: str) -> None:
    await redis.config_set("save", "3600 1")
    # A directory in the file's place: every attempt to save fails, and with it every write.
    obstacle = Path((await redis.config_get("dir"))["dir"], (await redis.config_get("dbfilename"))["dbfilename"])
    obstacle.mkdir()
    try:
        with suppress(ResponseError):
            await redis.bgsave()
        await until_not_saved(redis)
        async with Producer(redis_url, queue=current_name()) as producer:
            enqueueing = asyncio.create_task(producer.enqueue(fetch, "u"))
            await until_refused(redis, "MISCONF")
            assert not enqueueing.done()
            await redis.config_set("save", "")
            assert not (await enqueueing).existed
    finally:
        obstacle.rmdir()
        await redis.config_set("save", "")


async def until_refused(redis: Redis, code: str, times: int = 1) -> None:
    """Waits until Redis has refused so many more calls for this reason; 6.2 counts what scripts meet as ERR."""
    await redis.config_resetstat()
    async with in_time(10):
        while True:
            stats = await redis.info("errorstats")
            if sum(stats.get(f"errorstat_{name}", {}).get("count", 0) for name in (code, "ERR")) >= times:
                return
            await asyncio.sleep(0.01)


async def until_not_saved(redis: Redis) -> None:
    async with in_time(10):
        while (await redis.info("persistence"))["rdb_last_bgsave_status"] != "err":
            await asyncio.sleep(0.01)


@OF_ARQ
async def test_a_queue_name_that_is_something_else(producer: Producer, redis: Redis) -> None:
    await redis.set("text", "I am no queue", ex=60)
    with pytest.raises(RedisRefusedError, match="another queue name"):
        await producer.enqueue(fetch.options(queue=Queue("text", format="arq")), "u")
    with pytest.raises(RedisRefusedError, match="another queue name"):
        await producer.handle("x", queue=Queue("text", format="arq")).result(timeout=patience_s(5))
    await redis.flushall()


@ON_BOTH
async def test_a_user_that_may_not(redis: Redis, redis_url: str) -> None:
    await redis.acl_setuser("guest", enabled=True, nopass=True, keys="*", commands=["+get"])
    async with Producer(f"{redis_url}?username=guest&password=x", queue=current_name()) as producer:
        with pytest.raises(RedisRefusedError, match="may not"):
            await producer.enqueue(fetch, "u")
    await redis.acl_deluser("guest")


@ON_BOTH
async def test_a_wrong_password_is_not_tried_again_and_again(redis_url: str) -> None:
    async with Producer(f"{redis_url}?username=nobody&password=secret", retry_for=60, queue=current_name()) as producer:
        with pytest.raises(RedisUnavailableError, match="user or password") as caught:
            async with in_time(2):
                await producer.enqueue(fetch, "u")
    assert "secret" not in str(caught.value)


@OF_ARQ
async def test_refused_after_an_attempt_of_which_nothing_is_known_is_unknown(proxy: Proxy, redis: Redis) -> None:
    async def fill() -> None:
        await redis.config_set("maxmemory", "1")

    proxy.meanwhile = fill
    proxy.lose(Cut.REPLY, b"\r\nnamed\r\n")
    async with Producer(proxy.url, queue=current_name()) as producer:
        await producer.enqueue(noop)
        # It lost its payload by the time that it is repeated: only then does Redis have to write, and refuses.
        proxy.meanwhile = lambda: _fill_and_drop(redis)
        with pytest.raises(EnqueueUnknownError, match="out of memory"):
            await producer.enqueue(fetch.options(job_id="a"), "u")
    await redis.config_set("maxmemory", "0")


async def _fill_and_drop(redis: Redis) -> None:
    await redis.delete("arq:job:a")
    await redis.zrem(DEFAULT_QUEUE, "a")
    await redis.config_set("maxmemory", "1")


@ON_BOTH
async def test_a_busy_redis_is_waited_for(redis: Redis, redis_url: str) -> None:
    await redis.config_set("lua-time-limit", "1")
    client = open_redis(redis_url)
    busy = asyncio.ensure_future(client.execute_command("EVAL", "while true do end", 0))  # type: ignore[no-untyped-call]
    try:
        async with Producer(redis_url, queue=current_name()) as producer:
            await asyncio.sleep(0.05)
            enqueueing = asyncio.create_task(producer.enqueue(fetch, "u"))
            await asyncio.sleep(0.2)
            assert not enqueueing.done()
            await redis.script_kill()
            assert not (await enqueueing).existed
    finally:
        with suppress(ResponseError):
            await redis.script_kill()
        await asyncio.gather(busy, return_exceptions=True)
        await client.aclose()
        await redis.config_set("lua-time-limit", "5000")
