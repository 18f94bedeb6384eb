"""arq 0.28 unmodified on the same queue: its clients with our workers, our clients with its workers, both at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import arq
import msgspec
import pytest
from arq.connections import RedisSettings
from arq.jobs import Job, JobStatus, ResultNotFound
from redis.asyncio import Redis

import monarq.arq
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from tests.arq import jobs
from tests.arq.jobs import Ctx
from tests.arq.workers import burst, ours, running, runs_of, theirs, until
from tests.support.slowness import patience_s


async def test_an_arq_client_sees_a_job_of_our_worker_through_its_life(stock: arq.ArqRedis) -> None:
    job = await stock.enqueue_job("sleep", 0.3, _job_id="one", _defer_by=0.3)
    assert job is not None
    assert await job.status() is JobStatus.deferred
    async with running(ours(stock)):
        await until(lambda: stock.exists(names.in_progress("one")))
        assert await job.status() is JobStatus.in_progress
        info = await job.info()
        assert info is not None
        assert (info.function, info.args, info.job_try) == ("sleep", (0.3,), None)
        assert await stock.enqueue_job("sleep", 0.3, _job_id="one") is None
        assert await job.result(timeout=patience_s(5), poll_delay=0.02) is None
    assert await job.status() is JobStatus.complete
    done = await job.result_info()
    assert done is not None
    assert (done.success, done.job_try, done.job_id) == (True, 1, "one")
    assert await stock.enqueue_job("sleep", 0.3, _job_id="one") is None
    assert await stock.queued_jobs() == []
    assert [found.job_id for found in await stock.all_job_results()] == ["one"]


async def test_two_thousand_jobs_of_an_arq_client(stock: arq.ArqRedis) -> None:
    made = []
    for at in range(0, 2000, 100):
        made += await asyncio.gather(*[stock.enqueue_job("add", n, 1) for n in range(at, at + 100)])
    worker = await burst(stock, max_jobs=100)
    assert (worker.jobs_complete, worker.jobs_failed, worker.jobs_retried) == (2000, 0, 0)
    results = await stock.all_job_results()
    assert len(results) == 2000
    assert all(found.success and found.result == found.args[0] + 1 for found in results)
    assert {found.job_id for found in results} == {job.job_id for job in made if job}
    assert await made[7].result(timeout=patience_s(5)) == 8  # type: ignore[union-attr]
    left = set(await stock.keys("arq:*")) - {names.result(job.job_id).encode() for job in made if job}
    assert left <= {f"{DEFAULT_QUEUE}:health-check".encode()}, "nothing else, and that one runs out by itself"


async def test_our_clients_jobs_run_on_an_arq_worker(pool: monarq.arq.ArqRedis, stock: arq.ArqRedis) -> None:
    one = await pool.enqueue_job("add", 1, 2)
    named = await pool.enqueue_job("add", 3, 4, _job_id="named")
    retried = await pool.enqueue_job("again", 3, 0.01)
    deferred = await pool.enqueue_job("add", 5, 6, _defer_by=0.2)
    assert None not in (one, named, retried, deferred)
    worker = theirs(stock, burst=True)
    await worker.main()
    assert (worker.jobs_complete, worker.jobs_failed, worker.jobs_retried) == (4, 0, 2)
    assert [await job.result(timeout=patience_s(5)) for job in (one, named, retried, deferred) if job] == [3, 7, 3, 11]


@pytest.mark.parametrize("client", ["stock", "ours"])
@pytest.mark.parametrize("by", ["stock", "ours"])
@pytest.mark.parametrize("state", ["queued", "deferred", "running"])
async def test_aborts(stock: arq.ArqRedis, pool: monarq.arq.ArqRedis, client: str, by: str, state: str) -> None:
    job = await (stock if client == "stock" else pool).enqueue_job(
        "sleep", 60, _defer_by=60 if state == "deferred" else 0
    )
    assert job is not None
    worker = (theirs if by == "stock" else ours)(stock, allow_abort_jobs=True)
    if state == "running":
        async with running(worker):
            await until(lambda: stock.exists(names.in_progress(job.job_id)))
            assert await job.abort(timeout=patience_s(10), poll_delay=0.02)
    else:
        aborting = asyncio.create_task(job.abort(timeout=patience_s(10), poll_delay=0.02))
        await until(lambda: stock.zscore(names.ABORT, job.job_id))
        async with running(worker):
            assert await aborting
    assert worker.jobs_failed == 1
    assert await job.status() is JobStatus.complete
    assert await stock.zscore(names.ABORT, job.job_id) is None
    assert await stock.exists(names.job(job.job_id), names.in_progress(job.job_id)) == 0


async def test_no_job_is_enqueued_beside_a_run_of_its_id(stock: arq.ArqRedis) -> None:
    """The end of that run would take it along: arq's clients look for the payload only, so that must not expire."""
    expires_s = patience_s(1.5)
    assert await stock.enqueue_job("sleep", expires_s + 0.5, _job_id="same", _expires=expires_s) is not None
    async with running(ours(stock, lease_s=0.6)):
        await until(lambda: stock.exists(names.in_progress("same")))
        async with asyncio.timeout(expires_s):
            while await stock.ttl(names.job("same")) < 60:
                await asyncio.sleep(0.01)
        assert await stock.enqueue_job("sleep", 0, _job_id="same", _expires=1.0) is None
        job = Job("same", stock)
        await job.result(timeout=patience_s(10), poll_delay=0.02)
    assert not await stock.exists(names.job("same"), DEFAULT_QUEUE)


async def test_an_abort_without_leave_changes_nothing_of_a_running_job(stock: arq.ArqRedis) -> None:
    job = await stock.enqueue_job("sleep", 0.4)
    assert job is not None
    async with running(ours(stock)):
        await until(lambda: stock.exists(names.in_progress(job.job_id)))
        assert not await job.abort(timeout=patience_s(10), poll_delay=0.02)


@pytest.mark.parametrize("by", ["stock", "ours"])
async def test_results_that_are_not_kept(stock: arq.ArqRedis, by: str) -> None:
    job = await stock.enqueue_job("sleep", 0.1, _job_id="one")
    assert job is not None
    waiting = asyncio.create_task(job.result(poll_delay=0.02))
    functions = [arq.func(jobs.sleep, keep_result=0)]
    if by == "ours":
        await burst(stock, functions)
    else:
        await theirs(stock, functions, burst=True).main()
    with pytest.raises(ResultNotFound):
        await waiting
    # The id is free again at once.
    assert await stock.enqueue_job("sleep", 0.1, _job_id="one")
    assert (await burst(stock, functions)).jobs_complete == 1


def json_bytes(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("serializer", "deserializer"),
    [(json_bytes, json.loads), (msgspec.msgpack.encode, msgspec.msgpack.decode)],
    ids=["json", "msgpack"],
)
@pytest.mark.parametrize("by", ["stock", "ours"])
async def test_formats_of_the_users_own(
    redis_settings: RedisSettings, serializer: Any, deserializer: Any, by: str
) -> None:
    formats = {"job_serializer": serializer, "job_deserializer": deserializer}
    stock = await arq.create_pool(redis_settings, **formats)
    pool = await monarq.arq.create_pool(redis_settings, **formats)
    one = await stock.enqueue_job("add", 1, 2)
    two = await pool.enqueue_job("add", 3, 4, _job_id="named")
    await stock.enqueue_job("fail", "no", _job_id="fails")
    assert one
    assert two
    worker = (theirs if by == "stock" else ours)(stock, burst=True, **formats)
    await worker.main()
    assert (worker.jobs_complete, worker.jobs_failed) == (2, 1)
    assert await one.result(timeout=patience_s(5)) == 3
    assert await two.result(timeout=patience_s(5)) == 7
    # Neither format can hold an exception: stock arq's worker says no more than that, ours what the job has said.
    words = "unable to serialize result" if by == "stock" else "ValueError: no"
    with pytest.raises(arq.jobs.SerializationError, match=words):
        await Job("fails", stock, _deserializer=deserializer).result(timeout=patience_s(5))
    for client in (stock, pool):
        assert len(await client.all_job_results()) == 3
        await client.aclose(close_connection_pool=True)


async def test_ctx_redis_enqueues_in_the_users_format(redis_settings: RedisSettings) -> None:
    async def parent(ctx: Ctx) -> str:
        child = await ctx["redis"].enqueue_job("add", 1, 2)
        return str(child.job_id)

    formats = {"job_serializer": json_bytes, "job_deserializer": json.loads}
    pool = await monarq.arq.create_pool(redis_settings, default_queue_name="mine", **formats)
    job = await pool.enqueue_job("parent")
    assert job is not None
    worker = ours(
        pool,
        [arq.func(parent, name="parent"), jobs.add],
        burst=True,
        redis_pool=None,
        redis_settings=redis_settings,
        queue_name="mine",
        **formats,
    )
    await worker.main()
    child = await job.result(timeout=patience_s(5))
    assert await Job(child, pool, "mine", json.loads).result(timeout=patience_s(5)) == 3
    await worker.close()
    await pool.aclose(close_connection_pool=True)


async def enqueue_five_kinds(clients: list[arq.ArqRedis], count: int) -> dict[str, int]:
    """Jobs of both clients, plain, retrying, deferred and failing: their kinds by id."""
    kinds = {f"job-{n}": n % 5 for n in range(count)}
    for n, (name, kind) in enumerate(kinds.items()):
        client = clients[n % len(clients)]
        match kind:
            case 0 | 1:
                await client.enqueue_job("count_run", name, _job_id=name)
            case 2:
                await client.enqueue_job("again", 3, 0.05, _job_id=name)
            case 3:
                await client.enqueue_job("count_run", name, _job_id=name, _defer_by=0.5)
            case _:
                await client.enqueue_job("fail", name, _job_id=name)
    return kinds


async def test_ours_and_arqs_workers_share_a_queue(
    stock: arq.ArqRedis, pool: monarq.arq.ArqRedis, redis: Redis, redis_settings: RedisSettings
) -> None:
    """500 jobs on two workers of each kind."""
    kinds = await enqueue_five_kinds([stock, pool], 500)
    async with await arq.create_pool(redis_settings) as other:
        workers = [theirs(stock, max_jobs=5), theirs(other, max_jobs=5), ours(pool, max_jobs=5), ours(pool, max_jobs=5)]
        async with running(workers[0]), running(workers[1]), running(workers[2]), running(workers[3]):
            await until(lambda: asyncio.sleep(0, sum(w.jobs_complete + w.jobs_failed for w in workers) >= 500))
    assert sum(worker.jobs_complete for worker in workers) == 400
    assert sum(worker.jobs_failed for worker in workers) == 100
    assert sum(worker.jobs_retried for worker in workers) == 200
    assert sum(worker.jobs_complete for worker in workers[:2]) > 0
    assert sum(worker.jobs_complete for worker in workers[2:]) > 0
    results = {found.job_id: found for found in await stock.all_job_results()}
    assert set(results) == set(kinds)
    for name, kind in kinds.items():
        assert results[name].success == (kind != 4)
        assert results[name].job_try == (3 if kind == 2 else 1)
    runs = await runs_of(redis)
    assert len(runs) == 300
    assert set(runs.values()) == {1}
    assert await redis.zcard(DEFAULT_QUEUE) == 0
    left = [await redis.keys(f"arq:{kind}:*") for kind in ("in-progress", "retry", "job")]
    assert left == [[], [], []]
    await redis.delete("test:runs")


async def test_what_an_arq_worker_runs_is_not_taken_from_it(stock: arq.ArqRedis, pool: monarq.arq.ArqRedis) -> None:
    job = await stock.enqueue_job("sleep", 0.5)
    assert job is not None
    async with running(theirs(stock)):
        await until(lambda: stock.exists(names.in_progress(job.job_id)))
        async with running(ours(pool)) as worker:
            assert await job.result(timeout=patience_s(5), poll_delay=0.02) is None
    assert worker.jobs_complete + worker.jobs_retried == 0


async def test_what_our_worker_runs_is_not_taken_from_it(stock: arq.ArqRedis, pool: monarq.arq.ArqRedis) -> None:
    job = await stock.enqueue_job("sleep", 2.0)
    assert job is not None
    async with running(ours(pool, lease_s=0.6)):
        await until(lambda: stock.exists(names.in_progress(job.job_id)))
        async with running(theirs(stock)) as worker:
            assert await job.result(timeout=patience_s(5), poll_delay=0.02) is None
    assert worker.jobs_complete + worker.jobs_retried == 0


async def test_jobs_that_one_kind_of_worker_gave_back_are_run_by_the_other(
    stock: arq.ArqRedis, pool: monarq.arq.ArqRedis
) -> None:
    job = await stock.enqueue_job("again", 4, 0.0)
    assert job is not None
    first = ours(pool, burst=True)
    await first.run_check(max_burst_jobs=1)
    second = theirs(stock, burst=True)
    await second.run_check(max_burst_jobs=1)
    assert (first.jobs_retried, second.jobs_retried) == (1, 1)
    assert (await burst(pool)).jobs_retried == 1
    assert await job.result(timeout=patience_s(5)) == 4
