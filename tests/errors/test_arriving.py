"""What a job raised arrives as it was, or as a `JobFailedError` with class, text and traceback; never as another."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import arq
import pytest
from arq.connections import RedisSettings
from arq.worker import JobExecutionFailed
from redis.asyncio import Redis

from monarq.producer import Handle, Producer, SyncProducer
from monarq.shared.errors import JobCancelledError, JobFailedError
from monarq.shared.formats.arq import keys as names
from monarq.shared.payloads.codec import MSGPACK, PICKLE
from monarq.shared.payloads.error_equality import errors_equal
from monarq.shared.protocol.queue_ref import Format
from monarq.shared.text.error_text import DEFAULT_MAX_ERROR_TEXT, limit_error_text
from tests.arq.workers import burst
from tests.errors import jobs
from tests.support.formats import OF_ARQ, current_name
from tests.support.slowness import patience_s
from tests.support.workers import CODECS, dead_letter_of, run_burst

pytestmark = OF_ARQ

LANES = ("io", "thread", "cpu")
NO_WIDER = 21_000


@pytest.fixture(params=["msgpack", "pickle"])
async def producer(request: pytest.FixtureRequest, redis_url: str, queue_format: Format) -> AsyncIterator[Producer]:
    async with Producer(redis_url, queue=current_name(), codec=request.param, allow_pickle=True) as made:
        yield made


@pytest.fixture(autouse=True)
def usual_limit() -> Iterator[None]:
    """A worker sets it for the process that it is in."""
    yield
    limit_error_text(DEFAULT_MAX_ERROR_TEXT)


async def raised_by(handle: Handle[Any]) -> BaseException:
    try:
        await handle.result(timeout=patience_s(10))
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


async def run_all(producer: Producer, redis_url: str, wanted: Any) -> dict[tuple[str, str], Handle[Any]]:
    handles = {(lane, name): await producer.enqueue(jobs.RAISE[lane], name) for lane in LANES for name in wanted}
    await run_burst(redis_url, jobs.ALL, codecs=CODECS, lease_s=15.0)  # that making these takes long is the jobs' own
    return handles


async def test_errors_arrive_as_they_were(producer: Producer, redis_url: str) -> None:
    for (lane, name), handle in (await run_all(producer, redis_url, jobs.ARRIVE)).items():
        arrived = await raised_by(handle)
        assert errors_equal(jobs.ARRIVE[name](), arrived), f"{name} in {lane} arrived as {arrived!r}"


async def test_other_errors_arrive_as_text(producer: Producer, redis: Redis, redis_url: str) -> None:
    for (lane, name), handle in (await run_all(producer, redis_url, jobs.TOLD)).items():
        if (lane, name) == ("io", "stop"):
            continue  # Python makes a RuntimeError of it, in any coroutine
        arrived = await raised_by(handle)
        _, kind, text = jobs.TOLD[name]
        assert type(arrived) is JobFailedError, f"{name} in {lane} arrived as {arrived!r}"
        assert arrived.type_name == kind
        assert text in str(arrived)
        assert "in raise_by_name" in arrived.traceback
        assert max(len(str(arrived)), len(arrived.traceback)) < NO_WIDER
        letter = await dead_letter_of(redis, handle.job_id)
        assert (letter["error_type"], letter["error"]) == (kind, str(arrived))
        assert await redis.strlen(names.result(handle.job_id)) < 3 * NO_WIDER


async def test_a_huge_text_is_cut_with_a_mark_and_costs_no_time(redis_url: str) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        handle = await producer.enqueue(jobs.RAISE["io"], "huge")
        await run_burst(redis_url, jobs.ALL, max_error_text=1000)
        arrived = await raised_by(handle)
    assert "characters left out]" in str(arrived)
    assert len(str(arrived)) < 1100
    errors = [ValueError("y" * jobs.HUGE), ExceptionGroup("g", [ValueError(str(n)) for n in range(100_000)])]
    began = time.process_time()
    for error in errors:
        MSGPACK.dumps({"r": error})
    assert time.process_time() - began < 0.5, "made of 20 MB, and of 100,000 exceptions"


@pytest.mark.parametrize("lane", LANES)
async def test_a_cancelling_that_nobody_ordered_is_a_failure(
    producer: Producer, redis: Redis, redis_url: str, lane: str
) -> None:
    handle = await producer.enqueue(jobs.CANCEL[lane])
    await run_burst(redis_url, jobs.ALL, codecs=CODECS)
    arrived = await raised_by(handle)
    assert type(arrived) is JobFailedError
    assert arrived.type_name == "asyncio.exceptions.CancelledError"
    assert "in cancel_" in arrived.traceback
    assert (await dead_letter_of(redis, handle.job_id))["error_type"] == arrived.type_name
    assert await handle.cancel() is False, "it was not cancelled"


async def test_a_cancellation_stays_one(producer: Producer, redis_url: str) -> None:
    handle = await producer.enqueue(jobs.CANCEL["io"])
    cancelling = asyncio.create_task(handle.cancel(timeout=patience_s(10)))
    await asyncio.sleep(0.1)
    await run_burst(redis_url, jobs.ALL, codecs=CODECS)
    assert await cancelling is True
    assert isinstance(await raised_by(handle), JobCancelledError)


async def test_a_cancelled_future_of_a_job_is_no_closed_producer(redis_url: str) -> None:
    def use() -> BaseException:
        with SyncProducer(redis_url, queue=current_name()) as producer:
            handle = producer.enqueue(jobs.RAISE["io"], "cancelled future")
            try:
                handle.result(timeout=patience_s(15))
            except Exception as error:
                return error
        raise AssertionError("nothing was raised")

    used = asyncio.create_task(asyncio.to_thread(use))
    await asyncio.sleep(0.2)
    while not used.done():
        await run_burst(redis_url, jobs.ALL)
    assert errors_equal(jobs.ARRIVE["cancelled future"](), await used)


async def raise_for_arq(ctx: dict[Any, Any], name: str) -> None:
    jobs.raise_by_name(name)


async def seen_by_arq(redis_url: str, name: str, **settings: Any) -> BaseException:
    pool = await arq.create_pool(
        RedisSettings(unix_socket_path=redis_url.removeprefix("unix://")),
        job_serializer=settings.get("job_serializer"),
        job_deserializer=settings.get("job_deserializer"),
    )
    try:
        job = await pool.enqueue_job("raise_for_arq", name)
        assert job is not None
        await burst(pool, [raise_for_arq], **settings)
        await job.result(timeout=patience_s(5))
    except Exception as error:
        return error
    finally:
        await pool.aclose(close_connection_pool=True)
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("name", [*jobs.ARRIVE, "stop"])
async def test_arqs_clients_get_what_the_job_raised(redis_url: str, name: str) -> None:
    made = jobs.ARRIVE.get(name, lambda: RuntimeError("coroutine raised StopIteration"))()
    assert errors_equal(made, await seen_by_arq(redis_url, name))


@pytest.mark.parametrize("name", ["locked", "local", "locked member", "huge", "huge group"])
@pytest.mark.parametrize("custom", [False, True])
async def test_arqs_clients_get_the_jobs_own_words(redis_url: str, name: str, custom: bool) -> None:
    settings = {"job_serializer": pickle.dumps, "job_deserializer": pickle.loads} if custom else {}
    arrived = await seen_by_arq(redis_url, name, **settings)
    assert type(arrived) is JobExecutionFailed
    assert str(arrived).startswith(f"{jobs.TOLD[name][1]}: ")
    assert jobs.TOLD[name][2] in str(arrived)
    assert len(str(arrived)) < NO_WIDER


def only_text(data: dict[str, Any]) -> bytes:
    if isinstance(data.get("r"), BaseException):
        raise TypeError("no exceptions in here")
    return PICKLE.dumps(data)


async def test_a_format_that_takes_no_exception_gets_the_jobs_own_words(redis_url: str) -> None:
    arrived = await seen_by_arq(redis_url, "key", job_serializer=only_text, job_deserializer=pickle.loads)
    assert type(arrived) is arq.jobs.SerializationError
    assert str(arrived) == "KeyError: 'k'"
