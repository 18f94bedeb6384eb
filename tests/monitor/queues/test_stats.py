"""The stats of queues, read from a real Redis."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.producer import Producer
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.formats.choice.monitors import known_queues
from tests.monitor.queues.records import RECORD, tell
from tests.support.formats import OF_ARQ, as_users_name, current_name
from tests.support.queues import ARQ_QUEUE, NATIVE_QUEUE, arq_queue

pytestmark = OF_ARQ


async def test_an_empty_redis(redis: Redis) -> None:
    assert await known_queues(redis) == [NATIVE_QUEUE]
    assert await read_stats(redis, [ARQ_QUEUE]) == [
        QueueStats(
            queue=DEFAULT_QUEUE,
            format="arq",
            queued=0,
            deferred=0,
            running=0,
            dead=0,
            enqueued=0,
            succeeded=0,
            failed=0,
            retried=0,
            cancelled=0,
            handed_back=0,
            crashed=0,
            lost=0,
            jobs_per_s=0.0,
            oldest_s=None,
            health_check=None,
            workers=(),
        )
    ]


async def test_jobs_that_wait(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        await producer.enqueue_many("name", [(n,) for n in range(3)])
        async with Producer(redis_url, queue=as_users_name(arq_queue("other"))) as other:
            await other.enqueue("name")
    first, second = await read_stats(redis, [ARQ_QUEUE, arq_queue("other")])
    assert (first.queue, first.queued, first.enqueued) == (DEFAULT_QUEUE, 3, 3)
    assert first.oldest_s is not None
    assert 0 <= first.oldest_s < 10
    assert (second.queue, second.queued) == ("other", 1)


async def test_queues_are_known_by_their_workers(redis: Redis, redis_url: str) -> None:
    for queue in ("zebra", "emails", DEFAULT_QUEUE):
        tell(redis_url, queue, "host:7:abc", RECORD)
    assert await known_queues(redis) == [ARQ_QUEUE, arq_queue("emails"), arq_queue("zebra")]
    assert 0 < await redis.ttl("monarq:queues") <= 7 * 86_400


async def test_queues_that_nobody_serves_any_more_are_forgotten(redis: Redis, redis_url: str) -> None:
    await redis.zadd("monarq:queues", {"long ago": 1})
    tell(redis_url, "emails", "host:7:abc", RECORD)
    assert await known_queues(redis) == [arq_queue("emails")]


async def test_the_health_check_of_arq(redis: Redis) -> None:
    await redis.set("arq:queue:health-check", "Nov-22 18:00:00 j_complete=1 j_failed=0", ex=60)
    [stats] = await read_stats(redis, [ARQ_QUEUE])
    assert stats.health_check == "Nov-22 18:00:00 j_complete=1 j_failed=0"
