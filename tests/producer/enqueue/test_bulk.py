"""Many jobs of one kind: batches, order, and mistakes that are found before anything is sent."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut
from monarq.producer import PartlyEnqueuedError, Producer
from monarq.shared.errors import ArgumentsError, PayloadError, SettingsError
from tests.producer.enqueue.requests import first
from tests.producer.jobs import count_primes, fetch, noop
from tests.support.formats import ON_BOTH, as_users_name, count_waiting, current_name, queue_named, waiting_ids
from tests.support.manual_worker import ManualWorker
from tests.support.proxy import Proxy
from tests.support.slowness import in_time

pytestmark = ON_BOTH


@pytest.mark.usefixtures("many_jobs")
async def test_each_handle_is_of_the_job_of_its_arguments(producer: Producer, worker: ManualWorker) -> None:
    handles = await producer.enqueue_many(fetch, ((str(n), n) for n in range(2500)))
    leases = [lease for _ in range(3) for lease in await worker.claim()]
    args = {lease.job_id: worker.payload(lease).args for lease in leases}
    assert [args[handle.job_id] for handle in handles] == [(str(n), n) for n in range(2500)]


async def test_none_is_none(producer: Producer, redis: Redis) -> None:
    assert await producer.enqueue_many(fetch, []) == []
    assert await redis.dbsize() == 0


async def test_options_hold_for_all(producer: Producer, redis: Redis) -> None:
    slow = queue_named("slow")
    handles = await producer.enqueue_many(
        count_primes.options(queue=as_users_name(slow), defer_by=30), [(1, 2), (3, 4)]
    )
    assert [await handle.state() for handle in handles] == ["deferred", "deferred"]
    assert await count_waiting(redis, slow) == 2
    await producer.enqueue_many("by name", [(1,)])
    assert await count_waiting(redis) == 1


async def test_one_id_for_many_jobs_is_refused(producer: Producer, redis: Redis) -> None:
    with pytest.raises(SettingsError, match="cannot be the id of 2 jobs"):
        await producer.enqueue_many(fetch.options(job_id="a"), [("u",), ("v",)])
    assert await redis.dbsize() == 0


@pytest.mark.parametrize("wrong", ["url", ["url"], ("url", 1, 2)])
async def test_wrong_arguments_are_found_before_anything_is_sent(
    producer: Producer, redis: Redis, wrong: tuple[object, ...]
) -> None:
    with pytest.raises(TypeError):
        await producer.enqueue_many(fetch, [("u",)] * 5000 + [wrong])
    assert await redis.dbsize() == 0


@pytest.mark.usefixtures("many_jobs")
async def test_an_argument_that_does_not_travel_keeps_all_jobs_out(producer: Producer, redis: Redis) -> None:
    with pytest.raises(ArgumentsError, match="argument 1 of f: an object would not come back as an object"):
        await producer.enqueue_many("f", [(1,)] * 1500 + [(object(),)])
    assert await count_waiting(redis) == 0


@pytest.mark.usefixtures("many_jobs")
async def test_an_argument_that_does_not_serialize_names_what_is_in_already(producer: Producer, redis: Redis) -> None:
    with pytest.raises(PayloadError):
        await producer.enqueue_many("f", [("\ud800",)])
    with pytest.raises(PartlyEnqueuedError, match="cannot be serialized") as caught:
        await producer.enqueue_many("f", [("x",)] * 1500 + [("\ud800",)])
    assert len(caught.value.enqueued) == 1000 == await count_waiting(redis)


async def test_large_payloads_go_in_smaller_batches(producer: Producer, redis: Redis) -> None:
    await producer.enqueue_many("f", [(b"x",)])  # a Redis that does not know the script is asked twice
    await redis.config_resetstat()
    await producer.enqueue_many("f", [(b"x" * 1_000_000,)] * 10)
    calls = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert calls == 3
    await redis.flushall()


@pytest.mark.usefixtures("many_jobs")
async def test_bulk_is_cancelled_at_once(proxy: Proxy) -> None:
    proxy.lose(Cut.SILENCE, b"EVALSHA", times=10)
    async with Producer(proxy.url, queue=current_name()) as producer:
        enqueueing = asyncio.create_task(producer.enqueue_many(noop, [()] * 20_000))
        while not proxy.lost:
            await asyncio.sleep(0.01)
        enqueueing.cancel()
        async with in_time(1):
            await asyncio.gather(enqueueing, return_exceptions=True)


@pytest.mark.usefixtures("many_jobs")
async def test_cancelled_bulk_leaves_the_producer_usable(producer: Producer, redis: Redis) -> None:
    enqueueing = asyncio.create_task(producer.enqueue_many(noop, [()] * 100_000))
    while not await count_waiting(redis):
        await asyncio.sleep(0)
    enqueueing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await enqueueing
    assert await (await producer.enqueue(fetch, "u")).state() == "queued"
    assert await count_waiting(redis) < 100_000


@pytest.mark.usefixtures("many_jobs")
async def test_a_batch_that_loses_its_reply_goes_in_once(proxy: Proxy, redis: Redis) -> None:
    proxy.lose(Cut.REPLY, first(), times=3)
    async with Producer(proxy.url, queue=current_name()) as producer:
        handles = await producer.enqueue_many(noop, [()] * 5000)
    assert proxy.lost == 3
    assert await count_waiting(redis) == 5000
    assert len({handle.job_id for handle in handles}) == 5000


@pytest.mark.usefixtures("many_jobs")
async def test_bulk_that_fails_half_way_says_which_are_in_and_which_unknown(proxy: Proxy, redis: Redis) -> None:
    async def go_down() -> None:
        if await count_waiting(redis) >= 3000:
            await proxy.close_soon()

    proxy.meanwhile = go_down
    proxy.lose(Cut.REPLY, first(), times=1000)
    async with Producer(proxy.url, retry_for=0.4, queue=current_name()) as producer:
        with pytest.raises(PartlyEnqueuedError) as caught:
            await producer.enqueue_many(noop, [()] * 10_000)
    error = caught.value
    there = {raw.decode() for raw in await waiting_ids(redis)}
    assert error.total == 10_000
    assert set(error.enqueued) <= there <= set(error.enqueued) | set(error.job_ids)
    assert 0 < len(error.job_ids) == len(error.positions) <= 2000
    assert error.positions == list(range(error.positions[0], error.positions[0] + len(error.positions)))


@pytest.mark.usefixtures("many_jobs")
async def test_bulk_that_meets_a_full_redis_half_way_says_so(redis: Redis, redis_url: str) -> None:
    used = int((await redis.info("memory"))["used_memory"])
    await redis.config_set("maxmemory", str(used + 3_000_000))
    try:
        async with Producer(redis_url, queue=current_name()) as producer:
            with pytest.raises(PartlyEnqueuedError, match="out of memory") as caught:
                await producer.enqueue_many(fetch, [("u" * 200,)] * 30_000)
    finally:
        await redis.config_set("maxmemory", "0")
    assert caught.value.job_ids == []
    assert len(caught.value.enqueued) == await count_waiting(redis) > 0
