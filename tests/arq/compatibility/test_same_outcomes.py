"""Outcomes of the same jobs on a worker of arq's and on one of monarq's: they are equal, field by field."""

from __future__ import annotations

import asyncio
import functools
import json
from datetime import timedelta
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import arq
import pytest
from arq.worker import RetryJob
from redis.asyncio import Redis

import monarq.arq.worker
from monarq.shared.formats.arq import keys as names
from tests.arq import jobs
from tests.arq.jobs import Ctx
from tests.arq.workers import burst, ours, theirs
from tests.support.slowness import in_time, patience_s


class Owner:
    async def method(self, ctx: Ctx) -> str:
        return "method"

    @classmethod
    async def of_class(cls, ctx: Ctx) -> str:
        return cls.__name__

    @staticmethod
    async def static(ctx: Ctx) -> str:
        return "static"


async def echo(ctx: Ctx, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    return args, kwargs


@functools.wraps(jobs.add)
async def decorated(ctx: Ctx, a: int, b: int) -> int:
    return await jobs.add(ctx, a, b) + 1000


async def cancels_itself(ctx: Ctx) -> None:
    raise asyncio.CancelledError


async def retries_job(ctx: Ctx) -> int:
    if ctx["job_try"] < 3:
        raise RetryJob
    return int(ctx["job_try"])


async def returns_error(ctx: Ctx) -> ValueError:
    return ValueError("returned, not raised")


FUNCTIONS: list[Any] = [
    *(jobs.fail, jobs.again, echo, cancels_itself, retries_job, returns_error),
    *(Owner().method, Owner.of_class, Owner.static),
    arq.func(decorated, name="decorated"),
    arq.func(functools.partial(echo, first=1), name="partial"),
    arq.func("tests.arq.jobs.add", max_tries=1),
    arq.func(jobs.add, name="kept_not", keep_result=0),
    arq.func(jobs.fail, name="failed_kept_not", keep_result=0),
    arq.func(jobs.add, name="kept", keep_result_forever=True),
    arq.func(jobs.add, name="kept_a_minute", keep_result=timedelta(minutes=1)),
    arq.func(jobs.again, name="once", max_tries=1),
]
CALLS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "fails": ("fail", ("why",), {}),
    "retries": ("again", (3,), {"defer_s": 0.01}),
    "retries too often": ("again", (99,), {}),
    "may be tried once": ("once", (99,), {}),
    "passes its arguments": ("echo", (1, [2]), {"x": {"y": 3}}),
    "cancels itself too often": ("cancels_itself", (), {}),
    "asks for another try": ("retries_job", (), {}),
    "returns an error": ("returns_error", (), {}),
    "is a method": ("Owner.method", (), {}),
    "is a class's method": ("Owner.of_class", (), {}),
    "is static": ("Owner.static", (), {}),
    "is decorated": ("decorated", (1, 2), {}),
    "is a partial": ("partial", (2,), {}),
    "goes by its path": ("tests.arq.jobs.add", (1, 2), {}),
    "keeps no result": ("kept_not", (1, 2), {}),
    "keeps no failure": ("failed_kept_not", ("why",), {}),
    "keeps its result": ("kept", (1, 2), {}),
    "keeps it a minute": ("kept_a_minute", (1, 2), {}),
    "is not known": ("unknown", (), {}),
    "starts with its third try": ("again", (3,), {"_job_try": 3}),
    "starts beyond its last try": ("again", (1,), {"_job_try": 9}),
}


async def enqueue_all(pool: arq.ArqRedis) -> None:
    await pool.flushall()
    for job_id, (name, args, kwargs) in CALLS.items():
        assert await pool.enqueue_job(name, *args, _job_id=job_id, **kwargs) is not None


async def seen_of(pool: arq.ArqRedis, job_id: str) -> tuple[Any, ...]:
    """All that a client of arq's sees of a job that has ended."""
    job = arq.jobs.Job(job_id, pool)
    found = await job.result_info()
    ttl_s = await pool.ttl(names.result(job_id))
    if found is None:
        return (await job.status(), None, ttl_s)
    told = (found.function, tuple(found.args), found.kwargs, found.job_try, found.success, repr(found.result))
    try:
        result = repr(await job.result(timeout=patience_s(1)))
    except BaseException as error:
        result = f"raised {error!r}"
    return (await job.status(), *told, found.queue_name, found.job_id, round(ttl_s / 100), result)


async def test_jobs_come_to_the_same(stock: arq.ArqRedis) -> None:
    await enqueue_all(stock)
    first = theirs(stock, FUNCTIONS, burst=True)
    await first.main()
    expected = {job_id: await seen_of(stock, job_id) for job_id in CALLS}
    await enqueue_all(stock)
    second = await burst(stock, FUNCTIONS)
    assert {job_id: await seen_of(stock, job_id) for job_id in CALLS} == expected
    assert list(second.functions) == list(first.functions)
    assert (second.jobs_complete, second.jobs_failed) == (first.jobs_complete, first.jobs_failed)


async def test_without_retries_too(stock: arq.ArqRedis) -> None:
    seen = []
    for work in (theirs, ours):
        await enqueue_all(stock)
        worker: Any = work(stock, FUNCTIONS, burst=True, retry_jobs=False)
        await worker.main()
        seen.append({job_id: await seen_of(stock, job_id) for job_id in CALLS})
    assert seen[0] == seen[1]


def to_json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, default=repr).encode()


async def test_a_format_of_the_users(stock: arq.ArqRedis) -> None:
    seen = []
    stock.job_serializer, stock.job_deserializer = to_json, json.loads
    for work in (theirs, ours):
        await stock.flushall()
        await stock.enqueue_job("echo", 1, x=[2], _job_id="a")
        await stock.enqueue_job("fail", "why", _job_id="b")
        worker: Any = work(stock, [echo, jobs.fail], burst=True, job_serializer=to_json, job_deserializer=json.loads)
        await worker.main()
        found = {job_id: json.loads(await stock.get(names.result(job_id))) for job_id in "ab"}
        seen.append({job_id: {**told, "et": 0, "st": 0, "ft": 0} for job_id, told in found.items()})
    assert seen[0] == seen[1]
    assert seen[1]["a"]["r"] == [[1], {"x": [2]}]


@pytest.mark.parametrize("name", ["echo", "fail", "missing"])
async def test_a_format_that_can_hold_no_result_ends_the_job_without_one(
    stock: arq.ArqRedis, redis: Redis, name: str
) -> None:
    """It must neither be lost nor stay leased for ever."""

    def refuse(data: dict[str, Any]) -> bytes:
        raise ValueError("no format")

    for work in (theirs, ours):
        await redis.flushall()
        await stock.enqueue_job(name, "x", _job_id="one")
        worker: Any = work(stock, [echo, jobs.fail], burst=True, job_serializer=refuse)
        async with in_time(10):
            await worker.main()
        assert await redis.exists(names.job("one"), names.result("one"), names.in_progress("one"), "arq:queue") == 0
    assert (await redis.zrange("monarq:{arq:queue}:dead", 0, -1)) == [b"one"]


async def test_a_format_that_gives_text(stock: arq.ArqRedis, pool: monarq.arq.ArqRedis) -> None:
    for client in (stock, pool):
        await client.flushall()
        client.job_serializer = lambda data: json.dumps(data)  # type: ignore[assignment,return-value]
        client.job_deserializer = json.loads
        await client.enqueue_job("echo", 1, _job_id="a")
        settings = {"job_serializer": client.job_serializer, "job_deserializer": client.job_deserializer}
        await burst(client, [echo], **settings)
        found = await client.all_job_results()
        assert [(result.job_id, result.result) for result in found] == [("a", [[1], {}])]


async def test_of_two_functions_with_one_name_the_last_one_runs(
    stock: arq.ArqRedis, caplog: pytest.LogCaptureFixture
) -> None:
    functions = [jobs.fail, arq.func(jobs.add, name="fail")]
    for work in (theirs, ours):
        await stock.enqueue_job("fail", 1, 2, _job_id=work.__name__)
        worker: Any = work(stock, functions, burst=True)
        assert await run_check_of(worker) == 1
    assert "functions: two are named 'fail', only the last one is run" in caplog.text


async def run_check_of(worker: Any) -> Any:
    return await worker.run_check()


HOLDERS = ["dict", "class", "namespace", "object", "module"]
HELD: dict[str, Any] = {"functions": [jobs.add], "max_jobs": 4, "burst": True, "handle_signals": False, "nothing": 1}


class Settings:
    functions: ClassVar[list[Any]] = [jobs.add]
    max_jobs = 4
    burst = True
    handle_signals = False
    nothing = 1


class Instance:
    def __init__(self) -> None:
        vars(self).update(HELD)


def module() -> ModuleType:
    made = ModuleType("settings")
    vars(made).update(HELD)
    return made


@pytest.mark.parametrize("holder", [HELD, Settings, SimpleNamespace(**HELD), Instance(), module()], ids=HOLDERS)
async def test_settings_may_be_held_by_whatever_arq_takes(holder: Any, stock: arq.ArqRedis) -> None:
    for worker_module in (arq.worker, monarq.arq.worker):
        await stock.enqueue_job("add", 1, 2, _job_id=worker_module.__name__)
        worker = worker_module.create_worker(holder, redis_pool=stock)
        assert (worker.max_jobs, list(worker.functions)) == (4, ["add"])
        assert await run_check_of(worker) == 1


async def test_results_are_kept_for_ever_without_a_time(stock: arq.ArqRedis) -> None:
    for work in (theirs, ours):
        await stock.flushall()
        await stock.enqueue_job("add", 1, 2, _job_id="one")
        worker: Any = work(stock, [jobs.add], burst=True, keep_result=None, keep_result_forever=True)
        await worker.main()
        assert await stock.ttl(names.result("one")) == -1
