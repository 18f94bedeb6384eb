"""Jobs of a worker that nobody saw die keep their place at the head of the queue."""

from __future__ import annotations

import asyncio

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq import worker_session
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.recover import sweep
from monarq.shared.formats.arq.workers.renew import renew
from tests.support.formats import OF_ARQ
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, make_worker, put, result_of, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

GONE = "host:1:gone"


async def test_a_lost_job_runs_before_a_backlog(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.plus, 1, 2, job_id="lost")
    asked = Claim(worker=GONE, token="t", lane_queue="io", lease_ms=60_000, limit=1, max_payload=1000)
    leases = (await claim(redis, QUEUE, asked)).leases
    with blocking_redis.Redis.from_url(redis_url) as client:
        await asyncio.to_thread(renew, client, QUEUE, GONE, 300, b"{}", leases)
    for number in range(300):
        await put(redis, jobs.wait, 0.01, job_id=f"backlog{number}")
    async with running(make_worker(redis_url, jobs.ALL, lease_s=0.6, concurrency=1)):
        assert (await result_of(redis, "lost")).value == 3
        assert await redis.zcard(QUEUE.queue) > 0
    await redis.flushall()


async def test_all_queues_of_a_worker_are_swept(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: set[str] = set()

    async def sweep_and_note(client: Redis, keys: QueueKeys) -> int:
        swept.add(keys.queue)
        return await sweep(client, keys)

    monkeypatch.setattr(worker_session, "sweep", sweep_and_note)
    async with running(make_worker(redis_url, [jobs.plus], queues=("one", "two"))), in_time(10):
        while swept != {"one", "two"}:
            await asyncio.sleep(0.01)


async def test_workers_that_are_long_gone_do_not_hide_one_that_has_just_gone(redis: Redis, redis_url: str) -> None:
    """They stay on the list for a day, and a sweep looks at a hundred of them."""
    await redis.zadd(QUEUE.workers, {f"host:{number}:long-gone": number for number in range(150)})
    await redis.expire(QUEUE.workers, 60)
    await put(redis, jobs.plus, 1, 2, job_id="lost")
    asked = Claim(worker=GONE, token="t", lane_queue="io", lease_ms=60_000, limit=1, max_payload=1000)
    leases = (await claim(redis, QUEUE, asked)).leases
    with blocking_redis.Redis.from_url(redis_url) as client:
        await asyncio.to_thread(renew, client, QUEUE, GONE, 50, b"{}", leases)
    async with in_time(5):
        while await redis.exists(names.in_progress("lost")):
            await asyncio.sleep(0.01)
    async with in_time(5):
        while not await sweep(redis, QUEUE):
            await asyncio.sleep(0.2)
    await redis.flushall()
