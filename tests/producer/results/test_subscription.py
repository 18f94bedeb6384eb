"""The subscription of a producer: it is reopened, found silent, and ended when nobody waits."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut
from monarq.producer import Producer
from monarq.producer.results import subscription as subscription_module
from monarq.shared.errors import ResultTimeoutError
from tests.producer.jobs import fetch
from tests.producer.results.listening import listeners, poll_every, subscribed
from tests.support.formats import ARQ_ALONE, ON_BOTH, as_users_name, current_name, queue_named
from tests.support.manual_worker import ManualWorker
from tests.support.proxy import Proxy
from tests.support.slowness import in_time, patience_s

pytestmark = ON_BOTH


@pytest.mark.usefixtures("many_jobs")
async def test_nobody_is_lost_when_redis_goes_away(proxy: Proxy, worker: ManualWorker, redis: Redis) -> None:
    async with Producer(proxy.url, queue=current_name()) as producer:
        handles = await producer.enqueue_many(fetch, [(str(n),) for n in range(1200)])
        waiting = asyncio.gather(*(handle.result(timeout=patience_s(20)) for handle in handles))
        await subscribed(redis)
        await proxy.close()
        leases = await worker.claim()
        await worker.end(*leases[:600], value="while it was away")
        await asyncio.sleep(0.3)
        await proxy.open()
        await subscribed(redis)
        await worker.end(*leases[600:], *await worker.claim(), value="when it was back")
        values = await waiting
    assert (values.count("while it was away"), values.count("when it was back")) == (600, 600)


@ARQ_ALONE
async def test_a_look_that_fails_is_repeated_soon(proxy: Proxy, worker: ManualWorker, redis: Redis) -> None:
    async with Producer(proxy.url, queue=current_name()) as producer:
        poll_every(producer, 60)
        handle = await producer.enqueue(fetch, "u")
        waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
        await subscribed(redis)
        await asyncio.sleep(0.1)
        proxy.lose(Cut.REQUEST, b"ZMSCORE")
        await worker.end(*await worker.claim(), value=1)
        assert await waiting == 1
    assert proxy.lost == 1


async def test_a_silent_subscription_is_noticed(
    proxy: Proxy, worker: ManualWorker, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_module, "PING_AFTER_S", 0.1)
    monkeypatch.setattr(subscription_module, "SOCKET_TIMEOUT_S", 0.5)
    async with Producer(proxy.url, queue=current_name()) as producer:
        poll_every(producer, 60)
        handle = await producer.enqueue(fetch, "u")
        waiting = asyncio.create_task(handle.result(timeout=patience_s(20)))
        await subscribed(redis)
        first = await listeners(redis)
        await asyncio.sleep(0.35)
        assert await listeners(redis) == first, "a sign of life is asked for, and heard"
        proxy.deaf = True
        async with in_time(5):
            while await listeners(redis):
                await asyncio.sleep(0.02)
        proxy.deaf = False
        await subscribed(redis)
        await worker.end(*await worker.claim(), value=3)
        assert await waiting == 3


async def test_the_channel_is_left_when_nobody_waits(
    producer: Producer, worker: ManualWorker, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_module, "PING_AFTER_S", 0.05)
    monkeypatch.setattr(subscription_module, "IDLE_LIMIT_S", 0.05)
    poll_every(producer, 60)
    for _ in range(3):
        handle = await producer.enqueue(fetch, "u")
        waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
        await subscribed(redis)
        await worker.end(*await worker.claim(), value=1)
        assert await waiting == 1
        async with in_time(5):
            while await listeners(redis):
                await asyncio.sleep(0.01)


async def test_a_second_queue_is_subscribed_to_as_well(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    poll_every(producer, 60)
    other = ManualWorker(redis, queue_named("other"))
    first = await producer.enqueue(fetch, "u")
    waiting = asyncio.create_task(first.result(timeout=patience_s(10)))
    await subscribed(redis)
    second = await producer.enqueue(fetch.options(queue=as_users_name(other.queue.ref)), "u")
    waiting_too = asyncio.create_task(second.result(timeout=patience_s(10)))
    await subscribed(redis, queue=other.queue.ref)
    await other.end(*await other.claim(), value="other")
    assert await waiting_too == "other"
    await worker.end(*await worker.claim(), value="first")
    assert await waiting == "first"


async def test_those_who_give_up_are_forgotten(producer: Producer, worker: ManualWorker) -> None:
    handle = await producer.enqueue(fetch, "u")
    patient = asyncio.create_task(handle.result(timeout=patience_s(10)))
    impatient = [asyncio.create_task(handle.result(timeout=0.05)) for _ in range(5)]
    ended = await asyncio.gather(*impatient, return_exceptions=True)
    assert {type(end) for end in ended} == {ResultTimeoutError}
    await worker.end(*await worker.claim(), value=1)
    assert await patient == 1
    assert not any(producer._listener._result_waiters.values())
