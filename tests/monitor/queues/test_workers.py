"""The workers of queues, as their records tell, whoever wrote them."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.workers import RunningJob, WorkerStats, read_listed, read_workers
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.monitor import queue_reads
from tests.monitor.queues.records import RECORD, tell
from tests.support.queue_state import server_ms
from tests.support.queues import ARQ_QUEUE, arq_queue

KEYS = QueueKeys.of(DEFAULT_QUEUE)


async def test_a_worker_as_its_record_tells(redis: Redis, redis_url: str) -> None:
    seconds, micros = await redis.time()
    started_ms = int(seconds) * 1000 + int(micros) // 1000 - 90_000
    tell(redis_url, DEFAULT_QUEUE, "host:7:abc", RECORD | {"started_ms": started_ms})
    [worker] = await read_workers(redis, [ARQ_QUEUE])
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
    assert [(worker.host, worker.pid) for worker in await read_workers(redis, [ARQ_QUEUE])] == [
        ("a", 4),
        ("a", 30),
        ("b", 1),
    ]


async def test_records_of_other_versions(redis: Redis, redis_url: str) -> None:
    tell(redis_url, DEFAULT_QUEUE, "new", RECORD | {"host": "new", "colour": {"of": "the sky"}})
    tell(redis_url, DEFAULT_QUEUE, "old", b'{"host": "old"}')
    tell(redis_url, DEFAULT_QUEUE, "text", RECORD | {"host": "text", "pid": "12"})
    tell(redis_url, DEFAULT_QUEUE, "wrong", RECORD | {"pid": "many"})
    tell(redis_url, DEFAULT_QUEUE, "zz", b"\xff no JSON")
    workers = {worker.id: worker for worker in await read_workers(redis, [ARQ_QUEUE])}
    assert workers["new"].concurrency == 50
    assert workers["old"] == WorkerStats("old", host="old")
    assert workers["text"].pid == 12
    assert workers["wrong"] == WorkerStats("wrong", host="wrong")
    assert workers["zz"] == WorkerStats("zz", host="zz")


async def test_a_worker_that_is_silent_is_not_alive(redis: Redis, redis_url: str) -> None:
    tell(redis_url, DEFAULT_QUEUE, "host:7:abc", RECORD)
    assert [worker.alive for worker in await read_workers(redis, [ARQ_QUEUE])] == [True]
    # As after a lease without a word from it.
    await redis.zadd(KEYS.workers, {"host:7:abc": 1})
    assert [worker.alive for worker in await read_workers(redis, [ARQ_QUEUE])] == [False]
    await redis.delete(KEYS.worker("host:7:abc"))
    assert await read_workers(redis, [ARQ_QUEUE]) == []


async def test_the_jobs_that_it_runs(redis: Redis, redis_url: str) -> None:
    now_ms = await server_ms(redis)
    told = [
        {"id": "old", "name": "send", "queue": "q", "started_ms": now_ms - 90_000},
        {"id": "ahead", "name": "send", "queue": "q", "started_ms": now_ms + 60_000},
        {"id": "bare"},
    ]
    tell(redis_url, DEFAULT_QUEUE, "w", RECORD | {"running_jobs": told})
    [worker] = await read_workers(redis, [ARQ_QUEUE])
    old, ahead, bare = worker.running_jobs
    assert (old.id, old.name, old.queue, old.started_ms) == ("old", "send", "q", now_ms - 90_000)
    assert 90 <= old.age_s < 100
    assert ahead.age_s == 0, "its clock is ahead of Redis'"
    assert bare == RunningJob("bare")


async def test_a_worker_of_two_queues_is_there_once(redis: Redis, redis_url: str) -> None:
    for queue, worker in [("one", "both"), ("other", "both"), ("other", "alone")]:
        tell(redis_url, queue, worker, RECORD | {"host": worker})
    assert [
        worker.id for worker in await read_workers(redis, [arq_queue("one"), arq_queue("other"), arq_queue("nobody's")])
    ] == ["alone", "both"]
    assert await read_workers(redis, []) == []


async def test_no_more_workers_are_read_than_a_page_can_take(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_reads, "MOST_WORKERS", 2)
    for number in range(4):
        tell(redis_url, DEFAULT_QUEUE, f"w{number}", RECORD)
    assert len(await read_workers(redis, [ARQ_QUEUE])) == 2


async def test_of_listed_workers_those_with_a_record_are_read(redis: Redis, redis_url: str) -> None:
    tell(redis_url, DEFAULT_QUEUE, "here", RECORD)
    await redis.set(KEYS.worker("unlisted"), b"{}", ex=60)
    now_ms = await server_ms(redis)
    found = await read_listed(redis, ARQ_QUEUE, ["gone", "here", "unlisted"], now_ms)
    assert {worker.id: worker.alive for worker in found} == {"here": True, "unlisted": False}
    assert await read_listed(redis, ARQ_QUEUE, [], now_ms) == []
    [later] = await read_listed(redis, ARQ_QUEUE, ["here"], now_ms + 60_000)
    assert not later.alive
