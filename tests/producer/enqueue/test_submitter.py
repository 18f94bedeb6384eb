"""Enqueues over connections that break: never two jobs, never none, and an error where the outcome is unknown."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut
from monarq.producer import Producer, ProducerClosedError
from monarq.shared.errors import EnqueueUnknownError, RedisUnavailableError
from tests.producer.enqueue.requests import FIRST_NAMED, first
from tests.producer.jobs import fetch, noop
from tests.support.formats import ARQ_ALONE, ON_BOTH, count_waiting, current_name, waiting_ids
from tests.support.manual_worker import ManualWorker
from tests.support.proxy import Proxy
from tests.support.slowness import patience_s

pytestmark = ON_BOTH


@pytest.mark.parametrize("loss", [Cut.REQUEST, Cut.REPLY])
async def test_fifty_enqueues_that_each_lose_something_are_fifty_jobs(proxy: Proxy, redis: Redis, loss: Cut) -> None:
    proxy.lose(loss, first(), times=50)
    async with Producer(proxy.url, queue=current_name()) as producer:
        handles = await asyncio.gather(*(producer.enqueue(fetch, str(n)) for n in range(50)))
    assert proxy.lost == 50
    assert {handle.job_id.encode() for handle in handles} == set(await waiting_ids(redis))
    assert not any(handle.existed for handle in handles)


@pytest.mark.parametrize("loss", [Cut.REQUEST, Cut.REPLY])
async def test_named_enqueues_that_lose_something_know_their_own_job(proxy: Proxy, redis: Redis, loss: Cut) -> None:
    proxy.lose(loss, FIRST_NAMED, times=50)
    async with Producer(proxy.url, queue=current_name()) as producer:
        jobs = [fetch.options(job_id=f"job-{n}") for n in range(50)]
        handles = await asyncio.gather(*(producer.enqueue(job, "u") for job in jobs))
        assert not any(handle.existed for handle in handles)
        again = await asyncio.gather(*(producer.enqueue(job, "u") for job in jobs))
        assert all(handle.existed for handle in again)
    assert proxy.lost == 50
    assert await count_waiting(redis) == 50


@ARQ_ALONE
async def test_a_reply_lost_for_a_job_that_was_there_before_still_says_existed(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monarq.shared.formats.arq.producer.wall_ms", lambda: 1_700_000_000_000)
    async with Producer(proxy.url, queue=current_name()) as producer:
        await producer.enqueue(fetch.options(job_id="a"), "u")
        proxy.lose(Cut.REPLY, FIRST_NAMED)
        assert (await producer.enqueue(fetch.options(job_id="a"), "u")).existed
    assert proxy.lost == 1


async def test_a_silent_server_is_abandoned_and_asked_again(proxy: Proxy, redis: Redis) -> None:
    proxy.lose(Cut.SILENCE, first())
    async with Producer(proxy.url, redis_timeout=0.2, queue=current_name()) as producer:
        handle = await producer.enqueue(fetch, "u")
    assert proxy.lost == 1
    assert await waiting_ids(redis) == [handle.job_id.encode()]


@pytest.mark.parametrize("keep_ms", [60_000, -1])
async def test_a_job_that_ended_between_the_attempts_is_in(proxy: Proxy, worker: ManualWorker, keep_ms: int) -> None:
    async def run_it() -> None:
        await worker.end(*await worker.claim(), value=7, keep_ms=keep_ms)

    proxy.meanwhile = run_it
    async with Producer(proxy.url, queue=current_name()) as producer:
        await producer.enqueue(fetch, "before")  # a Redis that does not know the script would not run it yet
        proxy.lose(Cut.REPLY, first())
        handle = await producer.enqueue(fetch, "u")
        assert not handle.existed
    assert await worker.claim() == []


@pytest.mark.parametrize("keep_ms", [60_000, -1])
async def test_a_named_job_that_ended_between_the_attempts_is_unknown(
    proxy: Proxy, worker: ManualWorker, keep_ms: int
) -> None:
    async def run_it() -> None:
        await worker.end(*await worker.claim(), value=7, keep_ms=keep_ms)

    proxy.meanwhile = run_it
    async with Producer(proxy.url, queue=current_name()) as producer:
        await producer.enqueue(fetch, "before")  # a Redis that does not know the script would not run it yet
        proxy.lose(Cut.REPLY, FIRST_NAMED)
        with pytest.raises(EnqueueUnknownError, match="report-7") as caught:
            await producer.enqueue(fetch.options(job_id="report-7"), "u")
    assert caught.value.job_ids == ["report-7"]
    assert await worker.claim() == []


async def test_redis_down_from_the_start_enqueues_nothing_and_says_so(redis: Redis, unused_tcp_port: int) -> None:
    async with Producer(f"redis://127.0.0.1:{unused_tcp_port}", retry_for=0.5, queue=current_name()) as producer:
        started_s = time.monotonic()
        with pytest.raises(RedisUnavailableError, match="nothing was enqueued"):
            await producer.enqueue(fetch, "u")
        # The event loop rounds its own clock down, so the last wait may end a moment early.
        assert 0.45 <= time.monotonic() - started_s < patience_s(5)
        with pytest.raises(RedisUnavailableError):
            await producer.enqueue_many(noop, [()] * 10)


async def test_redis_down_after_a_while_is_known_not_to_have_got_it(proxy: Proxy) -> None:
    async with Producer(proxy.url, retry_for=0.3, queue=current_name()) as producer:
        await producer.enqueue(fetch, "u")
        await proxy.close()
        await asyncio.sleep(0.15)  # longer than a connection counts as fresh
        with pytest.raises(RedisUnavailableError, match="nothing was enqueued"):
            await producer.enqueue(fetch, "u")


async def test_a_redis_that_comes_up_in_time_gets_the_job(proxy: Proxy, redis: Redis) -> None:
    await proxy.close()
    async with Producer(proxy.url, queue=current_name()) as producer:
        enqueueing = asyncio.create_task(producer.enqueue(fetch, "u"))
        await asyncio.sleep(0.3)
        assert not enqueueing.done()
        await proxy.open()
        handle = await enqueueing
    assert await waiting_ids(redis) == [handle.job_id.encode()]


async def test_a_request_without_a_reply_is_unknown(proxy: Proxy, redis: Redis) -> None:
    proxy.lose(Cut.REPLY, first())
    proxy.meanwhile = proxy.close_soon
    async with Producer(proxy.url, retry_for=0.4, queue=current_name()) as producer:
        with pytest.raises(EnqueueUnknownError) as caught:
            await producer.enqueue(fetch, "u")
    [job_id] = caught.value.job_ids
    assert await waiting_ids(redis) == [job_id.encode()]


async def test_an_unknown_enqueue_can_be_repeated_by_its_id(proxy: Proxy, redis: Redis) -> None:
    proxy.lose(Cut.REPLY, b"EVAL", times=1000)
    async with Producer(proxy.url, retry_for=0.3, queue=current_name()) as producer:
        with pytest.raises(EnqueueUnknownError) as caught:
            await producer.enqueue(fetch, "u")
        proxy.lose(Cut.REPLY, b"", times=0)
        assert (await producer.enqueue(fetch.options(job_id=caught.value.job_ids[0]), "u")).existed
    assert await count_waiting(redis) == 1


async def test_a_cancelled_enqueue_leaves_no_connection_off_by_one(proxy: Proxy, redis: Redis) -> None:
    async with Producer(proxy.url, queue=current_name()) as producer:
        await producer.enqueue(fetch, "u")
        for _ in range(20):
            reached = asyncio.Event()
            go_on = asyncio.Event()

            async def hold(reached: asyncio.Event = reached, go_on: asyncio.Event = go_on) -> None:
                reached.set()
                await go_on.wait()

            proxy.meanwhile = hold
            proxy.lose(Cut.REPLY, first())
            enqueueing = asyncio.create_task(producer.enqueue(fetch, "cancelled"))
            await reached.wait()
            enqueueing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await enqueueing
            go_on.set()
            handle = await producer.enqueue(fetch.options(job_id="named"), "u")
            assert await producer.handle(handle.job_id).state() == "queued"
    assert await count_waiting(redis) == 22


async def test_cancelled_at_any_moment_the_producer_goes_on(producer: Producer, worker: ManualWorker) -> None:
    for steps in range(12):
        enqueueing = asyncio.create_task(producer.enqueue(fetch, "cancelled"))
        for _ in range(steps):
            await asyncio.sleep(0)
        enqueueing.cancel()
        await asyncio.gather(enqueueing, return_exceptions=True)
        handle = await producer.enqueue(fetch, "kept")
        assert await handle.state() == "queued"
    kept = [lease for lease in await worker.claim() if worker.payload(lease).args == ("kept",)]
    assert len(kept) == 12


async def test_a_producer_closed_in_the_middle_says_so(proxy: Proxy) -> None:
    proxy.lose(Cut.SILENCE, first())
    producer = Producer(proxy.url, queue=current_name())
    enqueueing = asyncio.create_task(producer.enqueue(fetch, "u"))
    while not proxy.lost:
        await asyncio.sleep(0.01)
    await producer.close()
    await producer.close()
    with pytest.raises(EnqueueUnknownError, match="closed"):
        await enqueueing
    with pytest.raises(ProducerClosedError):
        await producer.enqueue(fetch, "u")


async def test_those_in_line_are_not_kept_waiting_by_a_silent_server(proxy: Proxy) -> None:
    timeout_s = patience_s(0.5)
    async with Producer(proxy.url, redis_timeout=timeout_s, retry_for=timeout_s / 2, queue=current_name()) as producer:
        # All connections are made: what a slow machine needs for that is not Redis' silence.
        await asyncio.gather(*(producer.enqueue(fetch, f"before {n}") for n in range(100)))
        proxy.lose(Cut.SILENCE, first(), times=1000)
        started_s = time.monotonic()
        ended = await asyncio.gather(*(producer.enqueue(fetch, str(n)) for n in range(500)), return_exceptions=True)
        assert time.monotonic() - started_s < 25 * timeout_s, "sixteen at a time it would be more than thirty times it"
    kinds = [type(end) for end in ended]
    # Some of those in line have their turn at the moment at which the first are given up.
    assert 16 <= kinds.count(EnqueueUnknownError) == proxy.lost < 100
    assert kinds.count(RedisUnavailableError) == 500 - proxy.lost


async def test_those_in_line_learn_that_the_producer_is_closed(proxy: Proxy, redis: Redis) -> None:
    producer = Producer(proxy.url, queue=current_name())
    await producer.enqueue(fetch, "before")  # a Redis that does not know the script does nothing in its silence
    proxy.lose(Cut.SILENCE, first(), times=1000)
    enqueueing = [asyncio.create_task(producer.enqueue(fetch, str(n))) for n in range(50)]
    while proxy.lost < 16:
        await asyncio.sleep(0.01)
    await producer.close()
    ended = [type(end) for end in await asyncio.gather(*enqueueing, return_exceptions=True)]
    assert (ended.count(EnqueueUnknownError), ended.count(ProducerClosedError)) == (16, 34)
    assert await count_waiting(redis) == 1 + 16


async def test_the_same_id_twice_is_one_job(producer: Producer, worker: ManualWorker) -> None:
    first = await producer.enqueue(fetch.options(job_id="once"), "u")
    second = await producer.enqueue(fetch.options(job_id="once"), "u")
    assert (first.existed, second.existed) == (False, True)
    [lease] = await worker.claim()
    assert (await producer.enqueue(fetch.options(job_id="once"), "u")).existed, "while it runs"
    await worker.end(lease, value=1)
    third = await producer.enqueue(fetch.options(job_id="once"), "u")
    assert third.existed, "while its result is kept"
    assert await third.result(timeout=patience_s(5)) == 1


async def test_a_hundred_enqueues_of_one_id_at_once_make_one_job(producer: Producer, worker: ManualWorker) -> None:
    handles = await asyncio.gather(*(producer.enqueue(fetch.options(job_id="x"), str(n)) for n in range(100)))
    assert sum(not handle.existed for handle in handles) == 1
    assert len(await worker.claim()) == 1
