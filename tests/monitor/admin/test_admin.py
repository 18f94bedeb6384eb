"""Pause, purge, cancel and retry, with real workers and clients on the same queue."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import ResultNotFoundError, job
from monarq.monitor.admin import admin
from monarq.monitor.admin.admin import Cancelled, Retried
from monarq.monitor.jobs.listing import list_jobs
from monarq.producer import Producer
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.formats import OF_ARQ
from tests.support.queue_state import KEYS
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker, put, result_of, running

pytestmark = OF_ARQ


@job(name="steered-double")
async def double(n: int) -> int:
    return 2 * n


@job(name="steered-square")
def square(n: int) -> int:
    return n * n


async def ids_in(redis: Redis, queue: QueueRef = ARQ_QUEUE, lane: str = "") -> list[bytes]:
    """The jobs that wait, of all lanes or of one."""
    pages = [await list_jobs(redis, queue, state, limit=200) for state in ("queued", "deferred")]
    return sorted(row.raw_id for page in pages for row in page.rows if lane in ("", row.lane))


@pytest.mark.parametrize("function", [double, square], ids=["io", "cpu"])
async def test_a_paused_queue_rests_and_goes_on_at_once(
    redis: Redis, queue: QueueRef, redis_url: str, function: Any
) -> None:
    poll_s = patience_s(3)
    worker = make_worker(redis_url, [double, square], poll_s=poll_s, queues=(queue,))
    async with running(worker), Producer(redis_url, queue=queue) as producer:
        assert await (await producer.enqueue(function, 3)).result(patience_s(10)) in (6, 9)
        assert await admin.pause(redis, queue)
        assert not await admin.pause(redis, queue)
        assert await admin.paused_since_ms(redis, queue) is not None
        handle = await producer.enqueue(function, 4)
        # The worker has been told of the job, and asked in vain.
        async with in_time(10):
            while await redis.exists(KEYS.wake("io"), KEYS.wake("cpu")):
                await asyncio.sleep(0.01)
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        async with in_time(10):
            while (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == before:
                await asyncio.sleep(0.01)
        assert worker.counters.started == 1
        began_s = time.monotonic()
        assert await admin.resume(redis, queue)
        assert await handle.result(patience_s(10)) in (8, 16)
        assert time.monotonic() - began_s < 0.8 * poll_s, "it is woken, and does not come by at the next poll"
        assert await admin.paused_since_ms(redis, queue) is None


async def test_what_runs_goes_on(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    @job(name="steered-slow")
    async def slow() -> str:
        began.set()
        await may_end.wait()
        return "done"

    await put(redis, slow, job_id="a", queue=queue)
    async with running(make_worker(redis_url, [slow], queues=(queue,))):
        await began.wait()
        await admin.pause(redis, queue)
        may_end.set()
        assert (await result_of(redis, "a", queue)).value == "done"


async def test_a_job_cancelled_in_a_paused_queue_ends_when_it_goes_on(redis: Redis, redis_url: str) -> None:
    await admin.pause(redis, ARQ_QUEUE)
    await put(redis, double, 1, job_id="a")
    assert await admin.cancel(redis, ARQ_QUEUE, "a") is Cancelled.PAUSED
    async with running(make_worker(redis_url, [double])) as worker:
        await admin.resume(redis, ARQ_QUEUE)
        assert isinstance((await result_of(redis, "a")).value, asyncio.CancelledError)
        assert worker.counters.succeeded == 0


async def test_a_purge_of_thousands_beside_those_that_run(redis: Redis) -> None:
    pipe: Any = redis.pipeline()
    for number in range(5500):
        pipe.set(f"arq:job:{number:04}", "payload")
    pipe.zadd(DEFAULT_QUEUE, {f"{number:04}": 1000 + number for number in range(5500)})
    runs = [f"{number:04}" for number in range(0, 5500, 2)]
    pipe.mset({f"arq:in-progress:{job_id}": 1 for job_id in runs})
    await pipe.execute()
    assert await admin.purge(redis, ARQ_QUEUE) == 2750
    assert sorted(await redis.zrange(DEFAULT_QUEUE, 0, -1)) == [job_id.encode() for job_id in runs]
    assert await redis.exists(*(f"arq:job:{job_id}" for job_id in runs)) == 2750
    assert len(await redis.keys("arq:job:*")) == 2750
    await redis.delete(*(f"arq:in-progress:{job_id}" for job_id in runs))
    assert await admin.purge(redis, ARQ_QUEUE, ["deferred"]) == 0
    assert await admin.purge(redis, ARQ_QUEUE, ["queued"]) == 2750


@pytest.mark.parametrize(
    ("states", "left"), [(["queued"], [b"dc", b"di"]), (["deferred"], [b"qc", b"qi"]), (["queued", "deferred"], [])]
)
async def test_a_purge_of_one_state(redis: Redis, queue: QueueRef, states: Any, left: list[bytes]) -> None:
    for name, delay_ms in (("q", 0), ("d", 60_000)):
        await put(redis, double, 1, job_id=f"{name}i", delay_ms=delay_ms, queue=queue)
        await put(redis, square, 1, job_id=f"{name}c", delay_ms=delay_ms, queue=queue)
    assert await admin.purge(redis, queue, states) == 4 - len(left)
    assert await ids_in(redis, queue) == left
    assert await ids_in(redis, queue, "cpu") == [job_id for job_id in left if job_id.endswith(b"c")]
    for job_id in (b"qi", b"qc", b"di", b"dc"):
        facts = await monitor_queue(queue).read_facts(redis, job_id, with_payload=False)
        assert (facts.payload_bytes is not None) == (job_id in left)


async def test_a_purge_while_workers_work(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    """Every job is either run or thrown away, and whoever waits learns which."""
    async with Producer(redis_url, queue=queue) as producer:
        handles = await producer.enqueue_many(double, [(n,) for n in range(3000)])
        async with running(make_worker(redis_url, [double], lease_s=15.0, queues=(queue,))) as worker:
            waiting = [asyncio.create_task(handle.result(patience_s(30))) for handle in handles]
            async with in_time(20):
                while not worker.counters.succeeded:
                    await asyncio.sleep(0)
            purged = await admin.purge(redis, queue)
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    gone = [outcome for outcome in outcomes if isinstance(outcome, ResultNotFoundError)]
    assert len(gone) == purged
    assert [outcome for outcome in outcomes if not isinstance(outcome, ResultNotFoundError)].count(None) == 0
    assert worker.counters.succeeded == 3000 - purged
    assert "purged" in str(gone[0]) if gone else True
    assert await ids_in(redis, queue) == []


async def test_a_purged_id_is_free_again(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    async with Producer(redis_url, queue=queue) as producer:
        first = await producer.enqueue(double.options(job_id="mine", defer_by=60), 1)
        waiting = asyncio.create_task(first.result())
        await asyncio.sleep(0)
        await admin.purge(redis, queue)
        with pytest.raises(ResultNotFoundError, match="purged"):
            async with in_time(10):
                await waiting
        again = await producer.enqueue(double.options(job_id="mine"), 4)
        assert not again.existed
        async with running(make_worker(redis_url, [double], queues=(queue,))):
            assert await again.result(patience_s(10)) == 8


async def test_a_retry_of_each_state(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    await put(redis, double, 1, job_id="later", delay_ms=60_000, queue=queue)
    await put(redis, square, 1, job_id="cpu", delay_ms=60_000, queue=queue)
    await put(redis, double, 1, job_id="due", queue=queue)
    answers = [await admin.retry(redis, queue, job_id) for job_id in ("later", "cpu", "due", "nobody")]
    assert answers == [Retried.PROMOTED, Retried.PROMOTED, Retried.QUEUED, Retried.UNKNOWN]
    page = await list_jobs(redis, queue, "queued")
    assert sorted(row.job_id for row in page.rows) == ["cpu", "due", "later"]
    if queue.format == "arq":
        assert await redis.llen(KEYS.wake("cpu")) == 1, "the workers are told"  # type: ignore[misc]
    assert await admin.retry(redis, QueueRef("other", queue.format), "due") is Retried.UNKNOWN
