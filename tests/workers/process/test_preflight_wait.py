"""The Redis preflight of a worker: it waits for a Redis that is away and says so; permanent errors end it at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.producer import Producer, RedisRefusedError
from monarq.shared.errors import MonarqError, RedisUnavailableError
from monarq.workers.process.preflight import wait_for_redis
from tests.support.proxy import Proxy
from tests.support.slowness import in_time
from tests.support.workers import Recorder, make_worker, put, result_of, running, settings_for_tests
from tests.workers.support import worker_jobs as jobs

NOWHERE = "redis://nowhere.invalid:6379"


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(urlsplit(redis_url).path) as made:
        await made.close()
        yield made


class Answers:
    """A client that answers PING with these, one after the other."""

    def __init__(self, *answers: BaseException | bool) -> None:
        self.left = list(answers)

    async def ping(self) -> Any:
        answer = self.left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


async def reach(client: Any, recorder: Recorder, **changes: Any) -> bool:
    return await wait_for_redis(client, "redis://here", recorder, settings_for_tests(**changes), asyncio.Event())


async def test_it_waits_until_redis_is_there(redis: Redis, proxy: Proxy) -> None:
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    recorder = Recorder()
    async with running(make_worker(proxy.url, jobs.ALL, recorder)):
        await recorder.until("redis_awaited")
        await proxy.open()
        async with in_time(10):
            assert (await result_of(redis, "sum")).value == 3
    assert recorder.events.count("redis_awaited") == 1  # once every few seconds


@pytest.mark.parametrize(
    "passing",
    [
        BusyLoadingError("Redis is loading the dataset in memory"),
        RedisConnectionError("Error -2 connecting to redis:6379. Name or service not known."),
        RedisConnectionError("max number of clients reached"),
        ResponseError("MASTERDOWN Link with MASTER is down"),
        ConnectionRefusedError(111, "Connection refused"),
        TimeoutError(),
    ],
    ids=repr,
)
async def test_what_passes_is_waited_for(passing: BaseException) -> None:
    recorder = Recorder()
    assert await reach(Answers(passing, passing, True), recorder)
    assert recorder.events == ["redis_awaited"]


@pytest.mark.parametrize(
    ("lasting", "words"),
    [
        (AuthenticationError("invalid username-password pair"), "refused the user or password"),
        (AuthenticationError("Authentication required."), "authentication required"),
        (ResponseError("Protocol error: unauthenticated multibulk length"), "authentication required"),
        (ResponseError("DB index is out of range"), "DB index is out of range"),
    ],
    ids=repr,
)
async def test_what_lasts_ends_it_at_once(lasting: BaseException, words: str) -> None:
    recorder = Recorder()
    with pytest.raises(MonarqError, match=words):
        await reach(Answers(lasting), recorder)
    assert recorder.events == []


async def test_a_database_that_does_not_exist_is_no_redis_to_wait_for(redis_url: str) -> None:
    with pytest.raises(RedisRefusedError, match="has no database with this number"):
        async with in_time(10):
            await make_worker(f"{redis_url}?db=999", jobs.ALL).run()
    with pytest.raises(RedisRefusedError, match=r"nothing was enqueued: .* has no database with this number"):
        async with in_time(10), Producer(f"{redis_url}?db=999", retry_for=60) as producer:
            await producer.enqueue("plus", 1, 2)


async def test_one_worker_of_a_pool_warns_of_it() -> None:
    recorder = Recorder()
    assert await reach(Answers(TimeoutError(), True), recorder, preflight_warnings=False)
    assert recorder.events == []


async def test_it_waits_no_longer_than_it_may() -> None:
    with pytest.raises(RedisUnavailableError, match="cannot be reached"):
        async with in_time(10):
            await make_worker(NOWHERE, jobs.ALL, redis_wait_s=0.0).run()


async def test_a_worker_that_waits_can_be_stopped(proxy: Proxy) -> None:
    recorder = Recorder()
    worker = make_worker(proxy.url, jobs.ALL, recorder)
    async with running(worker):
        await recorder.until("redis_awaited")
    assert "worker_started" not in recorder.events
