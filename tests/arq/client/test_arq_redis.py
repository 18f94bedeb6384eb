"""`ArqRedis`: it enqueues, finds and aborts jobs as arq's client does."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import arq
import pytest
from arq.connections import RedisSettings
from arq.jobs import JobStatus, SerializationError
from redis.asyncio import Redis

import monarq.arq
from monarq.arq.jobs import Job
from monarq.producer import Producer
from monarq.shared.errors import SettingsError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.payloads.codec import PICKLE
from tests.arq.workers import burst, running, theirs, until
from tests.support.formats import current_name
from tests.support.slowness import patience_s


class Unpicklable:
    def __getstate__(self) -> None:
        raise TypeError("this does not pickle")


async def test_a_job_is_in_with_arqs_dict_and_due_now(pool: monarq.arq.ArqRedis, redis: Redis) -> None:
    before_ms = time.time() * 1000
    job = await pool.enqueue_job("add", 1, b=2)
    assert isinstance(job, arq.jobs.Job)
    data = PICKLE.loads(await redis.get(names.job(job.job_id)))
    assert {name: data[name] for name in "fakt"} == {"f": "add", "a": (1,), "k": {"b": 2}, "t": None}
    assert abs(data["et"] - before_ms) < 5000
    assert abs(await redis.zscore(DEFAULT_QUEUE, job.job_id) - before_ms) < 5000
    assert await job.status() is JobStatus.queued


async def test_none_means_that_a_job_or_a_result_of_this_id_is_there(pool: monarq.arq.ArqRedis) -> None:
    assert await pool.enqueue_job("add", 1, 2, _job_id="one")
    assert await pool.enqueue_job("add", 1, 2, _job_id="one") is None
    await burst(pool)
    assert await pool.enqueue_job("add", 1, 2, _job_id="one") is None
    await pool.delete(names.result("one"))
    assert await pool.enqueue_job("add", 1, 2, _job_id="one")


async def test_of_a_hundred_enqueues_of_ten_ids_ten_count(pool: monarq.arq.ArqRedis) -> None:
    made = await asyncio.gather(*[pool.enqueue_job("add", n, 0, _job_id=f"id-{n % 10}") for n in range(100)])
    assert sum(job is not None for job in made) == 10


async def test_deferring(pool: monarq.arq.ArqRedis, redis: Redis) -> None:
    until = datetime(2032, 1, 1, tzinfo=UTC)
    await pool.enqueue_job("add", 1, 2, _job_id="until", _defer_until=until)
    await pool.enqueue_job("add", 1, 2, _job_id="by", _defer_by=timedelta(seconds=20))
    await pool.enqueue_job("add", 1, 2, _job_id="past", _defer_by=-2)
    assert await redis.zscore(DEFAULT_QUEUE, "until") == 1_956_528_000_000
    now_ms = time.time() * 1000
    assert now_ms + 15_000 < await redis.zscore(DEFAULT_QUEUE, "by") < now_ms + 25_000
    assert now_ms - 7000 < await redis.zscore(DEFAULT_QUEUE, "past") < now_ms
    assert await Job("by", pool).status() is JobStatus.deferred
    with pytest.raises(RuntimeError, match="use either 'defer_until' or 'defer_by'"):
        await pool.enqueue_job("add", _defer_until=until, _defer_by=1)


@pytest.mark.parametrize(
    ("options", "ttl_ms"),
    [
        ({}, 86_400_000),
        ({"_expires": 7}, 7000),
        ({"_expires": timedelta(seconds=7)}, 7000),
        ({"_defer_by": 60}, 86_460_000),
        ({"_defer_by": -60}, 86_400_000),
        # arq asks Redis for a time to live below zero here, and raises.
        ({"_defer_until": datetime(2001, 1, 1, tzinfo=UTC)}, 86_400_000),
    ],
)
async def test_a_payload_lives_as_long_as_arqs(
    pool: monarq.arq.ArqRedis, redis: Redis, options: dict[str, Any], ttl_ms: int
) -> None:
    await pool.enqueue_job("add", _job_id="one", **options)
    assert ttl_ms - 5000 < await redis.pttl(names.job("one")) <= ttl_ms


async def test_a_clients_own_expiry_and_queue(redis_settings: RedisSettings, redis: Redis) -> None:
    pool = await monarq.arq.create_pool(redis_settings, default_queue_name="mine", expires_extra_ms=5000)
    job = await pool.enqueue_job("add", 1, 2, _job_id="one")
    assert job is not None
    assert await redis.zscore("mine", "one")
    assert 0 < await redis.pttl(names.job("one")) <= 5000
    assert await job.status() is JobStatus.queued
    await pool.aclose(close_connection_pool=True)


async def test_what_does_not_serialize_and_what_cannot_be(pool: monarq.arq.ArqRedis) -> None:
    with pytest.raises(SerializationError, match='unable to serialize job "add"') as raised:
        await pool.enqueue_job("add", Unpicklable())
    assert isinstance(raised.value.__cause__, TypeError)
    with pytest.raises(SettingsError, match="_expires is -1"):
        await pool.enqueue_job("add", _expires=-1)
    assert await pool.zcard(DEFAULT_QUEUE) == 0


async def test_a_job_try_is_where_the_job_starts(pool: monarq.arq.ArqRedis) -> None:
    job = await pool.enqueue_job("again", 4, _job_try=3)
    assert job is not None
    await burst(pool)
    assert await job.result(timeout=patience_s(5)) == 4


async def test_jobs_of_both_formats_are_listed_and_waited_for(pool: monarq.arq.ArqRedis, redis_url: str) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        await producer.enqueue("add", 1, 2)  # msgpack
    await pool.enqueue_job("add", 3, 4, _job_id="pickled")
    # Both may have been enqueued in the same millisecond: lists that are ordered by it may begin with either.
    first, second = sorted(await pool.queued_jobs(), key=lambda job: tuple(job.args))
    assert (first.function, tuple(first.args), second.function, tuple(second.args)) == ("add", (1, 2), "add", (3, 4))
    assert second.job_id == "pickled"
    assert first.score <= second.score
    await burst(pool)
    results = sorted(await pool.all_job_results(), key=lambda result: result.result)
    assert [result.result for result in results] == [3, 7]
    assert all(result.success and result.queue_name == DEFAULT_QUEUE for result in results)
    assert await Job(results[0].job_id, pool).result(timeout=patience_s(5)) == 3


async def test_a_job_whose_payload_has_vanished_is_left_out(pool: monarq.arq.ArqRedis) -> None:
    await pool.enqueue_job("add", 1, 2, _job_id="gone")
    await pool.enqueue_job("add", 3, 4, _job_id="there")
    await pool.delete(names.job("gone"))
    assert [job.job_id for job in await pool.queued_jobs()] == ["there"]
    await pool.zrem(DEFAULT_QUEUE, "gone")


async def test_more_jobs_than_one_call_fetches(pool: monarq.arq.ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monarq.arq.client.arq_redis.PAGE", 7)
    for n in range(40):
        await pool.enqueue_job("add", n, 0, _job_id=f"job-{n}")
    assert {job.args[0] for job in await pool.queued_jobs()} == set(range(40))
    await burst(pool)
    assert sorted(result.result for result in await pool.all_job_results()) == list(range(40))


async def test_abort_of_a_waiting_job_ends_it_before_it_runs(pool: monarq.arq.ArqRedis) -> None:
    job = await pool.enqueue_job("sleep", 60, _defer_by=3600)
    assert job is not None
    aborting = asyncio.create_task(job.abort(poll_delay=0.01))
    await until(lambda: pool.zscore(names.ABORT, job.job_id))
    worker = await burst(pool, allow_abort_jobs=True)
    assert await aborting
    assert (worker.jobs_complete, worker.jobs_failed) == (0, 1)


async def test_abort_of_what_is_not_there_or_has_ended_is_false(pool: monarq.arq.ArqRedis) -> None:
    assert not await Job("nobody", pool).abort()
    assert await pool.zscore(names.ABORT, "nobody") is None
    job = await pool.enqueue_job("add", 1, 2)
    assert job is not None
    await burst(pool)
    assert not await job.abort()


async def test_a_cancelled_wait_for_an_abort_is_cancelled(pool: monarq.arq.ArqRedis) -> None:
    job = await pool.enqueue_job("sleep", 60, _defer_by=3600)
    assert job is not None
    aborting = asyncio.create_task(job.abort())
    await until(lambda: pool.zscore(names.ABORT, job.job_id))
    aborting.cancel()
    await asyncio.wait([aborting])
    assert aborting.cancelled()


async def test_abort_of_a_job_that_an_arq_worker_runs(pool: monarq.arq.ArqRedis, stock: arq.ArqRedis) -> None:
    job = await pool.enqueue_job("sleep", 60)
    assert job is not None
    async with running(theirs(stock, allow_abort_jobs=True)):
        await until(lambda: pool.exists(names.in_progress(job.job_id)))
        assert await job.abort(timeout=patience_s(10), poll_delay=0.02)


async def test_a_closed_client_may_be_used_again(pool: monarq.arq.ArqRedis) -> None:
    await pool.enqueue_job("add", 1, 2)
    await pool.aclose()
    await pool.enqueue_job("add", 1, 2)
    assert await pool.zcard(DEFAULT_QUEUE) == 2


def test_a_client_serves_one_loop_after_the_other(redis_server: Any, redis_settings: RedisSettings) -> None:
    pool = monarq.arq.ArqRedis(unix_socket_path=redis_settings.unix_socket_path)

    async def enqueue() -> None:
        assert await pool.enqueue_job("add", 1, 2)
        await pool.aclose(close_connection_pool=True)

    asyncio.run(enqueue())
    asyncio.run(enqueue())
