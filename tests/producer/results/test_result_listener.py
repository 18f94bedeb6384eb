"""Waiting for results: they arrive at once and without polling, and no wait lasts where no result can come."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer, ProducerClosedError
from monarq.shared.errors import (
    JobCancelledError,
    JobFailedError,
    PayloadError,
    ResultNotFoundError,
    ResultTimeoutError,
    SettingsError,
)
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.payloads.codec import PICKLE
from tests.producer.jobs import fetch, noop
from tests.producer.results.listening import poll_every, subscribed
from tests.support.formats import ARQ_ALONE, ON_BOTH, current_name
from tests.support.manual_worker import ManualWorker, end_like_arq, result_bytes
from tests.support.slowness import patience_s

pytestmark = ON_BOTH


async def commands(redis: Redis) -> int:
    return int((await redis.info("stats"))["total_commands_processed"])


async def test_a_result_comes_as_soon_as_the_job_ends(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    poll_every(producer, 60)
    handle = await producer.enqueue(fetch, "u")
    waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
    await subscribed(redis)
    await worker.end(*await worker.claim(), value=42)
    assert await waiting == 42, "told"
    assert await handle.result(timeout=patience_s(10)) == 42, "looked up, once more"


async def test_the_newer_protocol_is_understood(redis_url: str, worker: ManualWorker, redis: Redis) -> None:
    async with Producer(f"{redis_url}?protocol=3", queue=current_name()) as producer:
        poll_every(producer, 60)
        handle = await producer.enqueue(fetch, "u")
        assert await handle.state() == "queued"
        waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
        await subscribed(redis)
        await worker.end(*await worker.claim(), value=1)
        assert await waiting == 1


async def test_a_wait_asks_redis_hardly_anything(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    handle = await producer.enqueue(fetch, "u")
    waiting = asyncio.create_task(handle.result(timeout=patience_s(20)))
    await subscribed(redis)
    await asyncio.sleep(0.1)
    before = await commands(redis)
    await asyncio.sleep(1.5)
    assert await commands(redis) - before <= 8
    await worker.end(*await worker.claim(), value=1)
    await waiting


@ARQ_ALONE
@pytest.mark.usefixtures("many_jobs")
async def test_thousands_wait_for_a_few_commands(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    handles = await producer.enqueue_many(fetch, [(str(n),) for n in range(3000)])
    waiting = asyncio.gather(*(handle.result(timeout=patience_s(30)) for handle in handles))
    await subscribed(redis)
    await redis.config_resetstat()
    for _ in range(3):
        await worker.end(*await worker.claim(), value=lambda payload: payload.args[0])
    assert await waiting == [str(n) for n in range(3000)]
    stats = await redis.info("commandstats")
    assert stats["cmdstat_mget"]["calls"] < 200
    assert "cmdstat_get" not in stats


async def test_what_the_job_raised_is_raised_here(producer: Producer, worker: ManualWorker) -> None:
    known, unknown, cancelled = await producer.enqueue_many(fetch, [("known",), ("unknown",), ("cancelled",)])
    errors = {"known": KeyError("k"), "unknown": _Local("gone"), "cancelled": asyncio.CancelledError()}
    await worker.end(*await worker.claim(), value=lambda payload: errors[payload.args[0]], success=False)
    with pytest.raises(KeyError, match="k"):
        await known.result(timeout=patience_s(5))
    with pytest.raises(JobFailedError, match="gone"):
        await unknown.result(timeout=patience_s(5))
    with pytest.raises(JobCancelledError):
        await cancelled.result(timeout=patience_s(5))


class _Local(Exception):  # noqa: N818 - its name does not matter
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


async def test_a_result_that_was_not_kept_is_not_found(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    handle = await producer.enqueue(fetch, "u")
    waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
    await subscribed(redis)
    await worker.end(*await worker.claim(), value=1, keep_ms=-1)
    with pytest.raises(ResultNotFoundError, match=handle.job_id):
        await waiting


async def test_an_unknown_id_is_not_found(producer: Producer) -> None:
    with pytest.raises(ResultNotFoundError, match="keep_result"):
        await producer.handle("never was").result(timeout=patience_s(5))


async def test_what_is_not_found_names_the_queue_that_was_looked_in_and_what_to_do(producer: Producer) -> None:
    with pytest.raises(ResultNotFoundError, match=r"is not in elsewhere.*handle\(job_id, queue=\.\.\.\)"):
        await producer.handle("never was", "elsewhere").result(timeout=patience_s(5))


@ARQ_ALONE
async def test_a_job_taken_out_of_the_queue_is_not_found(producer: Producer, redis: Redis) -> None:
    poll_every(producer, 0.1)
    handle = await producer.enqueue(fetch, "u")
    waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
    await subscribed(redis)
    await redis.zrem(DEFAULT_QUEUE, handle.job_id)
    await redis.delete(names.job(handle.job_id))
    with pytest.raises(ResultNotFoundError):
        await waiting


async def test_time_runs_out(producer: Producer, worker: ManualWorker) -> None:
    handle = await producer.enqueue(fetch, "u")
    with pytest.raises(ResultTimeoutError, match=r"0\.1 s"):
        await handle.result(timeout=timedelta(seconds=0.1))
    with pytest.raises(SettingsError):
        await handle.result(timeout=-1)
    await worker.end(*await worker.claim(), value=5)
    assert await handle.result(timeout=patience_s(5)) == 5


@ARQ_ALONE
@pytest.mark.parametrize("kept", [True, False])
async def test_results_of_arqs_workers_are_found_without_a_message(
    producer: Producer, redis: Redis, kept: bool
) -> None:
    poll_every(producer, 0.1)
    handle = await producer.enqueue(fetch, "u")
    waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
    await subscribed(redis)
    claimer = ManualWorker(redis)
    [lease] = await claimer.claim()
    result = result_bytes(claimer.payload(lease), lease.job_id, 9, success=True)
    await end_like_arq(redis, handle.job_id, result if kept else None)
    if kept:
        assert await waiting == 9
    else:
        with pytest.raises(ResultNotFoundError):
            await waiting
    await redis.flushall()


async def test_a_pickled_result_needs_to_be_allowed(redis_url: str, redis: Redis) -> None:
    worker = ManualWorker(redis, codec=PICKLE)
    async with (
        Producer(redis_url, queue=current_name()) as careful,
        Producer(redis_url, allow_pickle=True, queue=current_name()) as trusting,
    ):
        handle = await careful.enqueue(fetch, "u")
        await worker.end(*await worker.claim(), value={"a": 1})
        with pytest.raises(PayloadError, match="allow_pickle"):
            await handle.result(timeout=patience_s(5))
        assert await trusting.handle(handle.job_id).result(timeout=patience_s(5)) == {"a": 1}


async def test_the_same_id_enqueued_again_is_waited_for(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    job = fetch.options(job_id="again")
    await producer.enqueue(job, "1")
    keep_listening = asyncio.create_task((await producer.enqueue(noop)).result(timeout=patience_s(20)))
    await subscribed(redis)
    await worker.end(*[lease for lease in await worker.claim() if lease.job_id == "again"], value=1, keep_ms=-1)
    handle = await producer.enqueue(job, "2")
    assert not handle.existed
    waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
    await asyncio.sleep(0.05)
    await worker.end(*await worker.claim(), value=2)
    assert await waiting == 2
    keep_listening.cancel()


async def test_close_wakes_those_who_wait(redis_url: str) -> None:
    producer = Producer(redis_url, queue=current_name())
    handles = await producer.enqueue_many(noop, [()] * 10)
    waiting = [asyncio.create_task(handle.result()) for handle in handles]
    await asyncio.sleep(0.05)
    await producer.close()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(end) for end in ended] == [ProducerClosedError] * 10
    with pytest.raises(ProducerClosedError):
        await handles[0].result()
