"""The stats of queues and workers, read from a real Redis."""

from __future__ import annotations

from typing import Any

import msgspec
from redis.asyncio import Redis

from monarq.monitor.queues.stats import QueueStats, WorkerStats, known_queues, read_stats
from monarq.producer import Producer
from monarq.shared.commands.workers.renew import renew
from monarq.shared.redis.connection import UrlSource
from monarq.shared.redis.keys import DEFAULT_QUEUE, QueueKeys

RECORD = {
    "id": "host:7:abc",
    "host": "host",
    "pid": 7,
    "version": "1.2.3",
    "python": "3.11",
    "started_ms": 0,
    "queues": ["arq:queue", "other"],
    "concurrency": 50,
    "running": 3,
    "done": 10,
    "failed": 2,
    "retried": 1,
    "draining": False,
}


def tell(url: str, queue: str, worker_id: str, record: bytes | dict[str, Any], lease_ms: int = 15_000) -> None:
    """What a worker does every few seconds."""
    data = record if isinstance(record, bytes) else msgspec.json.encode(record)
    client = UrlSource(url).blocking_client()
    renew(client, QueueKeys.of(queue), worker_id, lease_ms, data, [])
    client.close()


async def read_workers(redis: Redis) -> tuple[WorkerStats, ...]:
    [stats] = await read_stats(redis, [DEFAULT_QUEUE])
    return stats.workers


async def test_an_empty_redis(redis: Redis) -> None:
    assert await known_queues(redis) == [DEFAULT_QUEUE]
    assert await read_stats(redis, [DEFAULT_QUEUE]) == [
        QueueStats(
            queue=DEFAULT_QUEUE,
            queued=0,
            deferred=0,
            running=0,
            dead=0,
            enqueued=0,
            done=0,
            failed=0,
            retried=0,
            aborted=0,
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
    async with Producer(redis_url) as producer:
        await producer.enqueue_many("name", [(n,) for n in range(3)])
        async with Producer(redis_url, queue="other") as other:
            await other.enqueue("name")
    first, second = await read_stats(redis, [DEFAULT_QUEUE, "other"])
    assert (first.queue, first.queued, first.enqueued) == (DEFAULT_QUEUE, 3, 3)
    assert first.oldest_s is not None
    assert 0 <= first.oldest_s < 10
    assert (second.queue, second.queued) == ("other", 1)


async def test_a_worker_as_its_record_has_it(redis: Redis, redis_url: str) -> None:
    seconds, micros = await redis.time()
    started_ms = int(seconds) * 1000 + int(micros) // 1000 - 90_000
    tell(redis_url, DEFAULT_QUEUE, "host:7:abc", RECORD | {"started_ms": started_ms})
    [worker] = await read_workers(redis)
    assert 90 <= worker.uptime_s < 100
    assert worker == WorkerStats(
        id="host:7:abc",
        host="host",
        pid=7,
        version="1.2.3",
        concurrency=50,
        running=3,
        uptime_s=worker.uptime_s,
        done=10,
        failed=2,
        retried=1,
        draining=False,
        alive=True,
        queues=("arq:queue", "other"),
    )


async def test_workers_are_in_order_of_host_and_process(redis: Redis, redis_url: str) -> None:
    for host, pid in [("b", 1), ("a", 30), ("a", 4)]:
        tell(redis_url, DEFAULT_QUEUE, f"{host}:{pid}:x", RECORD | {"host": host, "pid": pid})
    assert [(worker.host, worker.pid) for worker in await read_workers(redis)] == [("a", 4), ("a", 30), ("b", 1)]


async def test_records_of_other_versions(redis: Redis, redis_url: str) -> None:
    tell(redis_url, DEFAULT_QUEUE, "new", RECORD | {"host": "new", "colour": {"of": "the sky"}})
    tell(redis_url, DEFAULT_QUEUE, "old", b'{"host": "old"}')
    tell(redis_url, DEFAULT_QUEUE, "text", RECORD | {"host": "text", "pid": "12"})
    tell(redis_url, DEFAULT_QUEUE, "wrong", RECORD | {"pid": "many"})
    tell(redis_url, DEFAULT_QUEUE, "zz", b"\xff no JSON")
    workers = {worker.id: worker for worker in await read_workers(redis)}
    assert workers["new"].concurrency == 50
    assert workers["old"] == WorkerStats("old", host="old")
    assert workers["text"].pid == 12
    assert workers["wrong"] == WorkerStats("wrong", host="wrong")
    assert workers["zz"] == WorkerStats("zz", host="zz")


async def test_a_worker_that_is_silent_is_not_alive(redis: Redis, redis_url: str) -> None:
    tell(redis_url, DEFAULT_QUEUE, "host:7:abc", RECORD)
    assert [worker.alive for worker in await read_workers(redis)] == [True]
    # As after a lease without a word from it.
    await redis.zadd(QueueKeys.of(DEFAULT_QUEUE).workers, {"host:7:abc": 1})
    assert [worker.alive for worker in await read_workers(redis)] == [False]
    await redis.delete(QueueKeys.of(DEFAULT_QUEUE).worker("host:7:abc"))
    assert await read_workers(redis) == ()


async def test_queues_are_known_by_their_workers(redis: Redis, redis_url: str) -> None:
    for queue in ("zebra", "emails", DEFAULT_QUEUE):
        tell(redis_url, queue, "host:7:abc", RECORD)
    assert await known_queues(redis) == [DEFAULT_QUEUE, "emails", "zebra"]
    assert 0 < await redis.ttl("monarq:queues") <= 7 * 86_400


async def test_queues_that_nobody_serves_any_more_are_forgotten(redis: Redis, redis_url: str) -> None:
    await redis.zadd("monarq:queues", {"long ago": 1})
    tell(redis_url, "emails", "host:7:abc", RECORD)
    assert await known_queues(redis) == [DEFAULT_QUEUE, "emails"]


async def test_the_health_check_of_arq(redis: Redis) -> None:
    await redis.set("arq:queue:health-check", "Nov-22 18:00:00 j_complete=1 j_failed=0", ex=60)
    [stats] = await read_stats(redis, [DEFAULT_QUEUE])
    assert stats.health_check == "Nov-22 18:00:00 j_complete=1 j_failed=0"
