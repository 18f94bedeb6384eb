"""Queues without a worker are known from their first job on, until they are empty and unused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin.admin import Retried, retry
from monarq.monitor.health.overview import read_overviews
from monarq.monitor.health.queue_health import assess_health
from monarq.monitor.metrics.prometheus import read_snapshot
from monarq.monitor.queues.stats import read_stats
from monarq.producer import Producer, SyncProducer
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.shared.formats.choice.monitors import known_queues
from monarq.shared.queue import Queue
from tests.support.formats import OF_ARQ, current_name
from tests.support.queues import ARQ_QUEUE, arq_queue
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, run_burst, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

MAIL: Final = QueueKeys.of("mail")
NAME: Final = Queue("mail", format="arq")
DAY_MS: Final = 86_400_000


async def one(url: str) -> None:
    async with Producer(url, queue=current_name()) as producer:
        await producer.enqueue(jobs.plus.options(queue=NAME), 1, 2)


async def one_by_name(url: str) -> None:
    async with Producer(url, queue=NAME) as producer:
        await producer.enqueue("nobody_knows_this")


async def later(url: str) -> None:
    async with Producer(url, queue=NAME) as producer:
        await producer.enqueue(jobs.plus.options(defer_by=60), 1, 2)


async def many(url: str) -> None:
    async with Producer(url, queue=NAME) as producer:
        await producer.enqueue_many(jobs.plus, [(1, 2)] * 3)


async def for_the_cpu_lane(url: str) -> None:
    async with Producer(url, queue=NAME) as producer:
        await producer.enqueue(jobs.spin)


async def from_a_plain_script(url: str) -> None:
    def enqueue() -> None:
        with SyncProducer(url, queue=NAME) as producer:
            producer.enqueue(jobs.plus, 1, 2)

    await asyncio.to_thread(enqueue)


@pytest.mark.parametrize(
    "fill", [one, one_by_name, later, many, for_the_cpu_lane, from_a_plain_script], ids=lambda fill: fill.__name__
)
async def test_a_queue_is_known_from_its_first_job(
    redis: Redis, redis_url: str, fill: Callable[[str], Awaitable[None]]
) -> None:
    await fill(redis_url)
    assert await known_queues(redis) == [arq_queue("mail")]
    assert await redis.ttl(names.QUEUES) > 0


async def test_it_is_shown_wherever_all_queues_are(redis: Redis, redis_url: str) -> None:
    async with running(make_worker(redis_url, jobs.ALL)):
        await many(redis_url)
        async with in_time(10):
            while ARQ_QUEUE not in (queues := await known_queues(redis)):
                await asyncio.sleep(0.02)
        finding = assess_health(await read_overviews(redis, queues, minutes=15))
        [served, unserved] = (await read_snapshot(redis, queues)).queues
    assert (finding.state, finding.queue) == ("no worker", "mail")
    assert finding.reason == "3 jobs queued and no worker serves the queue"
    assert (served.queue, served.queued) == (DEFAULT_QUEUE, 0)
    assert (unserved.queue, unserved.queued, unserved.workers) == ("mail", 3, ())


async def test_reading_makes_no_queue_known_and_hides_none(redis: Redis) -> None:
    """A look begins the counters of its second, in which the first job may come as well."""
    [stats] = await read_stats(redis, [arq_queue("typo")])
    assert stats.queued == 0
    for _ in range(3):
        await read_counts(redis, MAIL)
        await put(redis, "send", job_id="a", queue=MAIL)
        assert await known_queues(redis) == [arq_queue("mail")]
        await redis.delete(names.QUEUES, MAIL.queue, names.job("a"))


async def test_a_queue_in_which_the_dead_come_back(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.break_down, "broken", job_id="bad", queue=MAIL)
    await run_burst(redis_url, jobs.ALL, queues=(arq_queue("mail"),))
    await redis.delete(names.QUEUES)
    assert await retry(redis, arq_queue("mail"), "bad") is Retried.REVIVED
    assert await known_queues(redis) == [arq_queue("mail")]


async def test_what_is_empty_and_unused_for_a_week_is_forgotten(redis: Redis) -> None:
    now_ms = int((await redis.time())[0]) * 1000
    await put(redis, "send", job_id="waits", queue=QueueKeys.of("waiting"))
    await redis.zadd(names.QUEUES, dict.fromkeys(("waiting", "over", "over too"), now_ms - 8 * DAY_MS))
    await redis.zadd(names.QUEUES, {"lately": now_ms - 6 * DAY_MS})
    await put(redis, "send", job_id="a", queue=MAIL)
    assert await known_queues(redis) == [*map(arq_queue, ("lately", "mail", "waiting"))]


async def test_known_queues_are_bounded(redis: Redis) -> None:
    now_ms = int((await redis.time())[0]) * 1000
    await redis.zadd(names.QUEUES, {f"made up {number}": now_ms - 5000 + number for number in range(1000)})
    await redis.expire(names.QUEUES, 60)
    await put(redis, "send", job_id="a", queue=MAIL)
    assert await redis.zcard(names.QUEUES) == 1000
    known = await known_queues(redis)
    assert arq_queue("mail") in known
    assert "made up 0" not in known
