"""The job names that are counted: those that workers know, and no more than a page and Prometheus can take."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.series import read_by_job, read_totals
from monarq.producer import Producer
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.workers.register_names import register_names
from monarq.shared.protocol.acks import Finish
from tests.monitor.queues.test_counters import KEYS, claim_all, enqueue_named
from tests.support.formats import OF_ARQ, current_name
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import make_worker, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


async def test_names_are_bounded(redis: Redis) -> None:
    await register_names(redis, KEYS, [*(f"name {number}" for number in range(205)), "x" * 300])
    for number in range(205):
        await enqueue_named(redis, f"name {number}", f"id {number}")
    counted = await read_by_job(redis, ARQ_QUEUE)
    assert len(counted) == 201
    assert counted["(other)"].enqueued == 5
    assert (await read_totals(redis, ARQ_QUEUE)).enqueued == 205
    await enqueue_named(redis, "x" * 300, "long")
    assert await redis.zcard(KEYS.base + "names") == 200


async def test_a_name_of_which_nothing_was_counted_for_an_hour_makes_room(redis: Redis) -> None:
    await register_names(redis, KEYS, ["new", *(f"name {number}" for number in range(200))])
    for number in range(200):
        await enqueue_named(redis, f"name {number}", f"id {number}")
    now_ms = int((await redis.time())[0]) * 1000
    await redis.zadd(KEYS.base + "names", {"name 7": now_ms - 3_601_000})
    await enqueue_named(redis, "new", "newest")
    counted = await read_by_job(redis, ARQ_QUEUE)
    assert counted["new"].enqueued == 1
    assert "name 7" not in counted


async def test_names_that_no_worker_knows_are_counted_as_one(redis: Redis) -> None:
    for number in range(3000):
        await enqueue_named(redis, f"made up {number}", f"id {number}")
    assert {name: told.enqueued for name, told in (await read_by_job(redis, ARQ_QUEUE)).items()} == {"(unknown)": 3000}
    await register_names(redis, KEYS, ["real"])
    await enqueue_named(redis, "real", "a")
    await enqueue_named(redis, "another", "b")
    counted = await read_by_job(redis, ARQ_QUEUE, minutes=60)
    assert {name: told.enqueued for name, told in counted.items()} == {"(unknown)": 3001, "real": 1}
    assert (await read_totals(redis, ARQ_QUEUE)).enqueued == 3002
    assert len(await redis.keys(KEYS.base + "stats:*")) < 60


@pytest.mark.parametrize("runs", [True, False], ids=["a worker runs it", "a worker knows it"])
async def test_jobs_enqueued_before_a_worker_knows_them_count_later(redis: Redis, runs: bool) -> None:
    await enqueue_named(redis, "send", "a", "b")
    assert (await read_by_job(redis, ARQ_QUEUE))["(unknown)"].enqueued == 2
    if runs:
        leases = await claim_all(redis)
        await finish(redis, KEYS, "w1", [Finish(lease, True, b"r", 1000, "send", run_ms=0) for lease in leases], 10)
    else:
        assert await register_names(redis, KEYS, ["send", "never heard of"]) == 1
    counted = await read_by_job(redis, ARQ_QUEUE)
    assert (counted["send"].enqueued, counted["send"].succeeded, list(counted)) == (2, 2 if runs else 0, ["send"])


async def test_a_worker_registers_its_jobs_at_its_start(redis: Redis, redis_url: str) -> None:
    async with running(make_worker(redis_url, [jobs.plus])), Producer(redis_url, queue=current_name()) as producer:
        async with in_time(15):
            while not await redis.zcard(KEYS.base + "known"):
                await asyncio.sleep(0.01)
        await producer.enqueue(jobs.plus.options(defer_by=60), 1, 2)
        await producer.enqueue(jobs.wait.options(defer_by=60), 1)
    counted = await read_by_job(redis, ARQ_QUEUE)
    assert {name: told.enqueued for name, told in counted.items()} == {"plus": 1, "(unknown)": 1}
    assert await redis.ttl(KEYS.base + "known") > 0


async def test_jobs_that_are_refused_for_their_names_are_counted_as_one(redis: Redis) -> None:
    for number in range(60):
        await enqueue_named(redis, f"made up {number}", f"id {number:02}")
    leases = await claim_all(redis)
    endings = [Finish(lease, False, b"r", 1000, f"made up {n}", b"{}", 1000) for n, lease in enumerate(leases)]
    await finish(redis, KEYS, "w1", endings, 100)
    counted = await read_by_job(redis, ARQ_QUEUE)
    assert (list(counted), counted["(unknown)"].dead) == (["(unknown)"], 60)


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "made up"])
async def test_the_names_of_a_second_are_bounded(redis: Redis, is_known: bool) -> None:
    """The first call of another second adds all of it to the counters: others wait for Redis meanwhile."""
    names = [f"name {number}" for number in range(3000)]
    for at in range(0, 3000, 500):
        await register_names(redis, KEYS, names[at : at + 500] if is_known else [])
    longest = 0
    for number, name in enumerate(names):
        await enqueue_named(redis, name, f"id {number}")
        longest = max(longest, await redis.hlen(KEYS.base + "live"))
    assert longest <= (200 if is_known else 50) + 2
    assert (await read_totals(redis, ARQ_QUEUE)).enqueued == 3000
