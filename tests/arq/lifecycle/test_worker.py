"""`monarq.arq.Worker`: arq's worker in its methods, attributes and outcomes, on monarq's core."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import arq
import pytest
from arq.jobs import DeserializationError, JobStatus
from arq.worker import FailedJobs, JobExecutionFailed, RetryJob
from redis.asyncio import Redis

from monarq.arq.worker import Worker
from monarq.shared.errors import SettingsError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.jobs.decorators import job
from monarq.shared.payloads.codec import PICKLE
from tests.arq import jobs
from tests.arq.jobs import Ctx
from tests.arq.workers import burst, counts, ours, running
from tests.support.slowness import patience_s


async def result_of(pool: arq.ArqRedis, job_id: str) -> arq.jobs.JobResult:
    found = await arq.jobs.Job(job_id, pool).result_info()
    assert found is not None
    return found


async def test_a_job_runs_and_its_result_is_arqs(pool: arq.ArqRedis, stock: arq.ArqRedis) -> None:
    made = await pool.enqueue_job("add", 1, b=2, _job_id="one")
    assert made is not None
    worker = await burst(pool)
    assert counts(worker) == (1, 0, 0)
    found = await result_of(stock, "one")
    assert (found.function, tuple(found.args), found.kwargs, found.job_try) == ("add", (1,), {"b": 2}, 1)
    assert (found.success, found.result, found.queue_name, found.job_id) == (True, 3, DEFAULT_QUEUE, "one")
    assert found.enqueue_time <= found.start_time <= found.finish_time
    assert await made.status() is JobStatus.complete
    assert repr(worker) == "<Worker j_complete=1 j_failed=0 j_retried=0 j_ongoing=0>"


async def test_a_worker_may_run_again_and_counts_on(pool: arq.ArqRedis) -> None:
    worker = ours(pool, burst=True)
    for _ in range(2):
        await pool.enqueue_job("add", 1, 2)
        await worker.main()
    assert counts(worker) == (2, 0, 0)


async def test_jobs_get_arqs_ctx_and_the_hooks_do_too(pool: arq.ArqRedis) -> None:
    seen: list[tuple[str, Any]] = []

    async def show(ctx: Ctx) -> None:
        assert ctx["redis"] is pool
        seen.append(("job", {name: ctx[name] for name in ("job_id", "job_try", "mine")}))
        assert abs(ctx["enqueue_time"].timestamp() * 1000 - ctx["score"]) < 5000

    def noting(name: str) -> Callable[[Ctx], Any]:
        async def note(ctx: Ctx) -> None:
            seen.append((name, ctx.get("job_id")))

        return note

    ctx = {"mine": 7}
    hooks = {
        f"on_{name}": noting(name) for name in ("startup", "shutdown", "job_start", "job_end")
    }  # all but after_job_end
    await pool.enqueue_job("show", _job_id="one")
    worker = ours(
        pool,
        [arq.func(show, name="show")],
        burst=True,
        ctx=ctx,
        after_job_end=noting("after_job_end"),
        **hooks,
    )
    await worker.main()
    assert ctx["redis"] is pool
    assert counts(worker) == (1, 0, 0)
    await worker.close()
    assert seen == [
        ("startup", None),
        ("job_start", "one"),
        ("job", {"job_id": "one", "job_try": 1, "mine": 7}),
        ("job_end", "one"),
        ("after_job_end", "one"),
        ("shutdown", None),
    ]


async def test_failures_of_all_kinds_are_arqs_results(pool: arq.ArqRedis, stock: arq.ArqRedis) -> None:
    await pool.enqueue_job("fail", "no", _job_id="raises")
    await pool.enqueue_job("missing", _job_id="unknown")
    await pool.enqueue_job("again", 99, _job_id="tires")
    await pool.enqueue_job("add", 1, 2, _job_id="expired")
    await pool.delete(names.job("expired"))
    await pool.enqueue_job("sleep", 60, _job_id="late")
    await pool.enqueue_job("add", 1, 2, _job_id="garbled")
    await pool.set(names.job("garbled"), b"\x80no pickle")
    worker = await burst(pool, job_timeout=0.2)
    assert counts(worker) == (0, 6, 5)
    results = {job_id: (await result_of(stock, job_id)).result for job_id in ("raises", "unknown", "tires", "expired")}
    assert repr(results["raises"]) == "ValueError('no')"
    assert results["unknown"] == JobExecutionFailed("function 'missing' not found")
    assert results["tires"] == JobExecutionFailed("max 5 retries exceeded")
    assert results["expired"] == JobExecutionFailed("job expired")
    assert isinstance((await result_of(stock, "late")).result, TimeoutError)
    garbled = (await result_of(stock, "garbled")).result
    assert isinstance(garbled, DeserializationError)
    assert str(garbled) == "unable to deserialize job"


async def test_a_payload_over_the_limit_fails_in_a_class_that_arqs_clients_have(
    pool: arq.ArqRedis, stock: arq.ArqRedis
) -> None:
    await pool.enqueue_job("fail", "x" * 5000, _job_id="large")
    assert (await burst(pool, max_payload=1000)).jobs_failed == 1
    found = (await result_of(stock, "large")).result
    assert type(found) is JobExecutionFailed
    assert "the limit is 1,000" in str(found)


async def test_retry_defers_and_counts_tries(pool: arq.ArqRedis) -> None:
    made = await pool.enqueue_job("again", 3, 0.01)
    assert made is not None
    worker = await burst(pool)
    assert counts(worker) == (1, 0, 2)
    assert await made.result(timeout=patience_s(5)) == 3


async def test_retry_job_and_a_job_that_cancels_itself(pool: arq.ArqRedis) -> None:
    async def asks(ctx: Ctx, error: str) -> int:
        if ctx["job_try"] == 1:
            raise RetryJob if error == "retry" else asyncio.CancelledError
        return int(ctx["job_try"])

    await pool.enqueue_job("asks", "retry", _job_id="a")
    await pool.enqueue_job("asks", "cancel", _job_id="b")
    worker = await burst(pool, [arq.func(asks, name="asks")])
    assert counts(worker) == (2, 0, 2)
    assert [(await result_of(pool, job_id)).result for job_id in "ab"] == [2, 2]


async def test_retry_jobs_can_be_switched_off(pool: arq.ArqRedis) -> None:
    await pool.enqueue_job("again", 3, 0.01)
    with pytest.raises(FailedJobs, match=r"1 job failed <Retry defer 0\.01s>"):
        await ours(pool, burst=True).run_check(retry_jobs=False)


async def test_run_check_counts_or_raises(pool: arq.ArqRedis) -> None:
    await pool.enqueue_job("add", 1, 2)
    await pool.enqueue_job("add", 3, 4)
    assert await ours(pool, burst=True).run_check() == 2
    await pool.enqueue_job("fail", "one")
    await pool.enqueue_job("fail", "two")
    with pytest.raises(FailedJobs, match="2 jobs failed") as raised:
        await ours(pool, burst=True).run_check()
    assert raised.value.count == 2
    assert sorted(str(found.result) for found in raised.value.job_results) == ["one", "two"]


async def test_a_burst_may_be_limited_over_several_runs(pool: arq.ArqRedis) -> None:
    for n in range(5):
        await pool.enqueue_job("add", n, 0)
    worker = ours(pool, burst=True)
    assert await worker.run_check(max_burst_jobs=2) == 2
    assert await pool.zcard(DEFAULT_QUEUE) == 3
    assert await worker.run_check() == 2
    assert await worker.run_check(max_burst_jobs=4) == 4


@pytest.mark.parametrize(
    ("settings", "ttl_ms"),
    [({}, 3_600_000), ({"keep_result": timedelta(seconds=7)}, 7000), ({"keep_result_forever": True}, -1)],
)
async def test_results_are_kept_as_long_as_asked(pool: arq.ArqRedis, settings: dict[str, Any], ttl_ms: int) -> None:
    await pool.enqueue_job("add", 1, 2, _job_id="one")
    await burst(pool, **settings)
    assert ttl_ms - 5000 < await pool.pttl(names.result("one")) <= ttl_ms


async def test_of_a_job_without_result_no_key_of_arqs_is_left(pool: arq.ArqRedis) -> None:
    await pool.enqueue_job("add", 1, 2)
    worker = await burst(pool, [arq.func(jobs.add, keep_result=0)])
    assert set(await pool.keys("arq:*")) <= {b"arq:queue:health-check"}
    await worker.close()
    assert await pool.keys("arq:*") == []


async def test_a_result_that_does_not_serialize_is_a_failure_that_says_so(
    pool: arq.ArqRedis, stock: arq.ArqRedis
) -> None:
    async def give(ctx: Ctx) -> Any:
        return lambda: None

    await pool.enqueue_job("give", _job_id="one")
    await burst(pool, [arq.func(give, name="give")])
    with pytest.raises(
        arq.jobs.SerializationError, match=r"unable to serialize result: .*cannot be serialized as pickle"
    ):
        await arq.jobs.Job("one", stock).result(timeout=patience_s(5))


async def test_declared_jobs_run_beside_arqs(pool: arq.ArqRedis) -> None:
    @job
    async def plain(a: int) -> int:
        return a * 2

    made = await pool.enqueue_job(plain.name, 21)
    assert made is not None
    await burst(pool, [plain, jobs.add])
    assert await made.result(timeout=patience_s(5)) == 42


async def test_attributes_are_arqs(pool: arq.ArqRedis) -> None:
    worker = ours(pool, max_jobs=30, job_timeout=timedelta(seconds=9), queue_name="mine", burst=True)
    assert (worker.max_jobs, worker.job_timeout_s, worker.keep_result_s, worker.max_tries) == (30, 9, 3600, 5)
    assert (worker.queue_name, worker.health_check_key, worker.queue_read_limit) == ("mine", "mine:health-check", 150)
    assert set(worker.functions) == {"add", "fail", "sleep", "again", "count_run"}
    assert worker.pool is pool
    assert worker.redis_settings is None
    assert worker.cron_jobs == []
    assert (worker.tasks, worker.job_tasks, worker.aborting_tasks) == ({}, {}, set())
    assert ours(pool, queue_read_limit=2).queue_read_limit == 2
    worker.max_jobs = 0
    with pytest.raises(SettingsError, match="max_jobs is 0"):
        await worker.main()


def test_what_arqs_worker_refuses() -> None:
    with pytest.raises(RuntimeError, match="at least one function or cron_job must be registered"):
        Worker([])
    with pytest.raises(ValueError, match="queue_name is None"):
        Worker([jobs.add], queue_name=None)
    with pytest.raises(TypeError, match="max_job"):
        Worker([jobs.add], max_job=3)  # type: ignore[call-arg]


async def test_pausing(pool: arq.ArqRedis) -> None:
    worker = ours(pool)
    worker.allow_pick_jobs = False
    async with running(worker):
        made = await pool.enqueue_job("add", 1, 2)
        assert made is not None
        with pytest.raises(TimeoutError):
            await made.result(timeout=0.2, poll_delay=0.02)
        worker.allow_pick_jobs = True
        assert await made.result(timeout=patience_s(5), poll_delay=0.02) == 3
        worker.allow_pick_jobs = False
        await asyncio.sleep(0.1)  # a claim may be on its way
        await pool.enqueue_job("add", 1, 2, _job_id="waits")
        await asyncio.sleep(0.2)
        assert await pool.exists(names.job("waits"))


async def test_a_worker_survives_what_ends_arqs(pool: arq.ArqRedis, redis: Redis) -> None:
    """An id that is not text, payloads that are none, a hook that raises, a job that exits."""

    async def leave(ctx: Ctx) -> None:
        sys.exit(3)

    async def broken(ctx: Ctx) -> None:
        raise ValueError("hook")

    await redis.zadd(DEFAULT_QUEUE, {b"\xff\xfe": 5, "zero": 0})
    payloads = [{"f": ["no"], "a": (), "k": {}, "t": None, "et": 1}, {"f": "add", "a": (), "k": {}, "t": "x", "et": 1}]
    for n, payload in enumerate([*payloads, {"f": "add", "a": (), "k": {}, "t": None, "et": 10**40}]):
        await redis.set(names.job(f"bad-{n}"), PICKLE.dumps(payload))
        await redis.zadd(DEFAULT_QUEUE, {f"bad-{n}": 5})
    await pool.enqueue_job("leave")
    made = await pool.enqueue_job("add", 1, 2)
    assert made is not None
    worker = await burst(pool, [arq.func(leave, name="leave"), jobs.add], on_job_end=broken)
    assert counts(worker) == (1, 6, 0)
    assert await made.result(timeout=patience_s(5)) == 3
