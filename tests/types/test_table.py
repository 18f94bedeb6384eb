"""The tables of docs/types.md: each row through every lane and back, in both formats, and each refusal."""

from __future__ import annotations

import msgspec
import pytest
from redis.asyncio import Redis

from monarq.producer import Producer, named
from monarq.shared.calls.signature import read_signature
from monarq.shared.conversion.builder import Builder
from monarq.shared.errors import ArgumentsError, ResultTypeError
from monarq.shared.jobs.job import types_of
from monarq.shared.payloads.codec import MSGPACK
from tests.support.formats import ON_BOTH, current_name
from tests.support.slowness import in_time
from tests.support.workers import make_worker, running
from tests.types import table, table_jobs
from tests.types.table import same

ROWS, JOBS = table_jobs.ROWS, table_jobs.JOBS


def hint_of(row: table.Row) -> object:
    return object if row.annotation == "(none)" else table_jobs.evaluate(row.annotation)


def test_the_tables_are_read() -> None:
    assert len(ROWS) > 50
    assert len(table.refused()) > 10
    assert not same({"a": [1]}, {"a": [1.0]})
    assert not same((1,), [1])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_a_row_travels_as_it_says_and_comes_back(row: table.Row) -> None:
    form = Builder().form(hint_of(row))
    value, plain = table_jobs.evaluate(row.value), table_jobs.evaluate(row.plain)
    sent = MSGPACK.dumps({"r": form.encode(value)})
    assert same(MSGPACK.loads(sent)["r"], plain)
    assert same(form.decode(MSGPACK.loads(sent)["r"]), value)
    assert same(MSGPACK.loads(msgspec.msgpack.encode({"r": plain}))["r"], plain), "anyone can write the plain form"


@ON_BOTH
async def test_each_row_goes_through_every_lane_and_back(redis: Redis, redis_url: str) -> None:
    async with (
        running(make_worker(redis_url, table_jobs.ALL)),
        Producer(redis_url, queue=current_name()) as producer,
        in_time(120),
    ):
        handles = {
            await producer.enqueue(job, table_jobs.evaluate(row.value)): (row, lane)
            for (row, lane), job in JOBS.items()
        }
        wrong = []
        async for handle, came in producer.as_completed(handles, return_exceptions=True):
            row, lane = handles[handle]
            if not same(came, table_jobs.evaluate(row.value)):
                wrong.append(f"{row.label} on the {lane} lane: {came!r}")
    assert not wrong, "\n".join(wrong)


@ON_BOTH
async def test_pickle_carries_each_row_itself(redis: Redis, redis_url: str) -> None:
    from monarq.shared.payloads.codec import PICKLE, Codecs

    async with (
        running(make_worker(redis_url, table_jobs.ALL, codecs=Codecs(PICKLE, allow_pickle=True))),
        Producer(redis_url, queue=current_name(), codec="pickle") as producer,
        in_time(120),
    ):
        of_io = {row: job for (row, lane), job in JOBS.items() if lane == "io"}
        for row, job in of_io.items():
            value = table_jobs.evaluate(row.value)
            assert same(await (await producer.enqueue(job, value)).result(), value), row.label


@ON_BOTH
async def test_a_handle_by_name_and_a_handle_by_id_give_what_is_asked_for(redis: Redis, redis_url: str) -> None:
    async with (
        running(make_worker(redis_url, table_jobs.ALL)),
        Producer(redis_url, queue=current_name()) as producer,
        in_time(60),
    ):
        for (row, lane), job in JOBS.items():
            if lane != "io" or row.annotation == "(none)":
                continue
            kind, plain = hint_of(row), table_jobs.evaluate(row.plain)
            handle = await producer.enqueue(named(job.name, type=kind), plain)  # type: ignore[arg-type]
            assert same(await handle.result(), table_jobs.evaluate(row.value)), row.label
            again = producer.handle(handle.job_id, type=kind)  # type: ignore[arg-type]
            assert same(await again.result(), table_jobs.evaluate(row.value)), row.label
            assert same(await producer.handle(handle.job_id).result(), plain), row.label


@pytest.mark.parametrize(("value", "advice"), table.refused())
async def test_what_would_change_is_refused_without_an_annotation(
    redis: Redis, redis_url: str, value: str, advice: str
) -> None:
    changed = table_jobs.evaluate(value)
    async with Producer(redis_url) as producer:
        for nested in (changed, [1, changed], {"a": [{"b": changed}]}):
            for job in (table_jobs.echo, table_jobs.echo.name):
                with pytest.raises(ArgumentsError) as caught:
                    await producer.enqueue(job, nested)
                assert advice in str(caught.value)
    assert await redis.dbsize() == 0
    with pytest.raises(ResultTypeError) as failed:
        types_of(table_jobs.give).result.encode([{"a": changed}])
    assert advice in str(failed.value)
    assert read_signature(table_jobs.give.function).returned_hint() is not None


@ON_BOTH
async def test_a_result_that_would_change_fails_its_job(redis: Redis, redis_url: str) -> None:
    async with (
        running(make_worker(redis_url, table_jobs.ALL)),
        Producer(redis_url, queue=current_name()) as producer,
        in_time(60),
    ):
        for value, advice in table.refused():
            handle = await producer.enqueue(table_jobs.give, value)
            with pytest.raises(ResultTypeError) as caught:
                await handle.result()
            assert advice in str(caught.value)
