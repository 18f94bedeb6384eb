"""Lost replies: arq's enqueue returns None when its connection is lost; monarq's must repeat the call or raise."""

from __future__ import annotations

import asyncio

import pytest
from arq.connections import RedisSettings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

import monarq.arq
from chaos.faults.proxy import Cut
from monarq.arq.client.arq_redis import PoolEnqueueUnknownError, PoolRefusedError, PoolUnavailableError
from monarq.shared.errors import EnqueueUnknownError, RedisUnavailableError
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from tests.support.proxy import Proxy

FIRST = b"\r\nnew\r\n"
FIRST_NAMED = b"\r\nnamed\r\n"


def settings_of(proxy: Proxy, *, repeating: bool = False) -> RedisSettings:
    if not repeating:
        return RedisSettings("127.0.0.1", proxy.port)
    return RedisSettings(
        "127.0.0.1",
        proxy.port,
        retry=Retry(NoBackoff(), 3),
        retry_on_timeout=True,
        retry_on_error=[RedisConnectionError],
    )


@pytest.mark.parametrize("repeating", [False, True])
@pytest.mark.parametrize("loss", [Cut.REQUEST, Cut.REPLY])
@pytest.mark.parametrize("named", [False, True])
async def test_no_enqueue_is_lost_and_none_is_called_known(
    proxy: Proxy, redis: Redis, loss: Cut, named: bool, repeating: bool
) -> None:
    pool = await monarq.arq.create_pool(settings_of(proxy, repeating=repeating))
    proxy.lose(loss, FIRST_NAMED if named else FIRST, times=20)
    ids = [f"job-{n}" if named else None for n in range(20)]
    made = await asyncio.gather(*[pool.enqueue_job("add", 1, 2, _job_id=job_id) for job_id in ids])
    await pool.aclose(close_connection_pool=True)
    assert proxy.lost == 20
    assert None not in made
    assert {job.job_id.encode() for job in made if job} == set(await redis.zrange(DEFAULT_QUEUE, 0, -1))
    assert await redis.zcard(DEFAULT_QUEUE) == 20


async def test_a_job_that_was_there_before_is_still_none(proxy: Proxy) -> None:
    pool = await monarq.arq.create_pool(settings_of(proxy))
    assert await pool.enqueue_job("add", 1, 2, _job_id="one")
    proxy.lose(Cut.REPLY, FIRST_NAMED)
    assert await pool.enqueue_job("add", 1, 2, _job_id="one") is None
    assert proxy.lost == 1
    await pool.aclose(close_connection_pool=True)


async def test_without_a_server_the_error_is_redis_pys_and_says_that_nothing_was_enqueued(
    proxy: Proxy, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monarq.arq.client.arq_redis.RETRY_FOR_S", 0.3)
    pool = await monarq.arq.create_pool(settings_of(proxy))
    await proxy.close()
    with pytest.raises(RedisConnectionError, match="nothing was enqueued") as raised:
        await pool.enqueue_job("add", 1, 2)
    assert isinstance(raised.value, PoolUnavailableError)
    assert isinstance(raised.value, RedisUnavailableError)
    assert await redis.zcard(DEFAULT_QUEUE) == 0
    await pool.aclose(close_connection_pool=True)


async def test_an_outcome_that_stays_unknown_is_reported(
    proxy: Proxy, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monarq.arq.client.arq_redis.RETRY_FOR_S", 0.3)
    pool = await monarq.arq.create_pool(settings_of(proxy))
    proxy.lose(Cut.REPLY, FIRST_NAMED)
    proxy.meanwhile = proxy.close_soon
    with pytest.raises(EnqueueUnknownError, match="enqueue again with the same job_id") as raised:
        await pool.enqueue_job("add", 1, 2, _job_id="one")
    assert isinstance(raised.value, PoolEnqueueUnknownError)
    assert isinstance(raised.value, RedisError)
    assert raised.value.job_ids == ["one"]
    assert await redis.zcard(DEFAULT_QUEUE) == 1
    await pool.aclose(close_connection_pool=True)


async def test_a_refusal_is_redis_pys_error_too(pool: monarq.arq.ArqRedis, redis: Redis) -> None:
    await redis.set(DEFAULT_QUEUE, "no queue", px=60_000)
    with pytest.raises(ResponseError, match="nothing was enqueued") as raised:
        await pool.enqueue_job("add", 1, 2)
    assert isinstance(raised.value, PoolRefusedError)
