"""The workers of queues, as their records tell, whoever wrote them."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.workers import RunningJob, WorkerStats, read_by_queue, read_workers
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.monitor import workers as reading
from monarq.shared.formats.native.keys import FLEET_BEATS
from monarq.shared.formats.native.workers.fleet import forget_worker
from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.queues.records import RECORD, beat, tell
from tests.support.queue_state import server_ms
from tests.support.queues import ARQ_QUEUE, arq_queue

KEYS = QueueKeys.of(DEFAULT_QUEUE)


async def test_a_worker_as_its_record_tells(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    seconds, micros = await redis.time()
    started_ms = int(seconds) * 1000 + int(micros) // 1000 - 90_000
    tell(redis_url, queue, "host:7:abc", RECORD | {"started_ms": started_ms})
    [worker] = await read_workers(redis, [queue])
    assert 90 <= worker.uptime_s < 100
    assert worker == WorkerStats(
        worker_id="host:7:abc",
        host="host",
        pid=7,
        version="1.2.3",
        concurrency=50,
        running=3,
        uptime_s=worker.uptime_s,
        succeeded=10,
        failed=2,
        retried=1,
        draining=False,
        alive=True,
        queues=("arq:queue", "other") if queue.format == "arq" else (queue.name,),
    )


async def test_workers_are_in_order_of_host_and_process(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    for host, pid in [("b", 1), ("a", 30), ("a", 4)]:
        tell(redis_url, queue, f"{host}:{pid}:x", RECORD | {"host": host, "pid": pid})
    assert [(worker.host, worker.pid) for worker in await read_workers(redis, [queue])] == [
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
    workers = {worker.worker_id: worker for worker in await read_workers(redis, [ARQ_QUEUE])}
    assert workers["new"].concurrency == 50
    assert workers["old"] == WorkerStats("old", host="old")
    assert workers["text"].pid == 12
    assert workers["wrong"] == WorkerStats("wrong", host="wrong")
    assert workers["zz"] == WorkerStats("zz", host="zz")


async def test_a_native_queue_has_the_workers_whose_records_name_it(redis: Redis, redis_url: str) -> None:
    mail = QueueRef("mail", "native")
    tell(redis_url, mail, "here", RECORD)
    tell(redis_url, QueueRef("other", "native"), "elsewhere", RECORD)
    of_both = RECORD | {"queues": ["mail", "mail (arq)", "letters"], "native_queues": ["mail"]}
    for worker, record in [("of-arq", RECORD | {"queues": ["mail"]}), ("both", of_both), ("zz", b"\xff no JSON")]:
        beat(redis_url, worker, record)
    by_queue = await read_by_queue(redis, [mail, QueueRef("other", "native"), arq_queue("mail")])
    assert {queue: sorted(worker.worker_id for worker in workers) for queue, workers in by_queue.items()} == {
        mail: ["both", "here"],
        QueueRef("other", "native"): ["elsewhere"],
        arq_queue("mail"): [],
    }
    [both] = [worker for worker in by_queue[mail] if worker.worker_id == "both"]
    assert both.queues == ("mail", "mail (arq)", "letters")


async def test_a_silent_worker_of_a_native_queue_is_not_alive(redis: Redis, redis_url: str) -> None:
    mail = QueueRef("mail", "native")
    tell(redis_url, mail, "here", RECORD)
    assert [worker.alive for worker in await read_workers(redis, [mail])] == [True]
    await redis.zadd(FLEET_BEATS, {"here": await server_ms(redis) - 1})
    assert [worker.alive for worker in await read_workers(redis, [mail])] == [False]
    await forget_worker(redis, "here")
    assert await read_workers(redis, [mail]) == []


async def test_workers_of_many_native_queues_are_read_at_once(redis: Redis, redis_url: str) -> None:
    queues = [QueueRef(f"q{number}", "native") for number in range(200)]
    tell(redis_url, queues[7], "here", RECORD)
    await read_by_queue(redis, queues)
    await redis.config_resetstat()
    assert [worker.worker_id for worker in (await read_by_queue(redis, queues))[queues[7]]] == ["here"]
    stats = await redis.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 1


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
    assert (old.job_id, old.name, old.queue, old.started_ms) == ("old", "send", "q", now_ms - 90_000)
    assert 90 <= old.age_s < 100
    assert ahead.age_s == 0, "its clock is ahead of Redis'"
    assert bare == RunningJob("bare")


async def test_a_worker_of_two_queues_is_there_once(redis: Redis, redis_url: str) -> None:
    for queue, worker in [("one", "both"), ("other", "both"), ("other", "alone")]:
        tell(redis_url, queue, worker, RECORD | {"host": worker})
    assert [
        worker.worker_id
        for worker in await read_workers(redis, [arq_queue("one"), arq_queue("other"), arq_queue("nobody's")])
    ] == ["alone", "both"]
    assert await read_workers(redis, []) == []


async def test_no_more_workers_are_read_than_a_page_can_take(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_WORKERS", 2)
    for number in range(4):
        tell(redis_url, DEFAULT_QUEUE, f"w{number}", RECORD)
    assert len(await read_workers(redis, [ARQ_QUEUE])) == 2


async def test_of_listed_workers_those_with_a_record_are_read(redis: Redis, redis_url: str) -> None:
    for worker in ("here", "gone"):
        tell(redis_url, DEFAULT_QUEUE, worker, RECORD)
    await redis.delete(KEYS.worker("gone"))
    await redis.set(KEYS.worker("unlisted"), b"{}", ex=60)
    by_queue = await read_by_queue(redis, [ARQ_QUEUE, arq_queue("nobody's")])
    assert {queue: [worker.worker_id for worker in workers] for queue, workers in by_queue.items()} == {
        ARQ_QUEUE: ["here"],
        arq_queue("nobody's"): [],
    }
    assert await read_by_queue(redis, []) == {}
