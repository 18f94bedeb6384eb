"""Cancelled jobs, and commands that are repeated while Redis is not reachable."""

from __future__ import annotations

import asyncio
import copy
import pickle

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.errors import JobCancelledError, RedisUnavailableError, ResultTimeoutError
from monarq.shared.formats.arq import keys as names
from monarq.shared.queue import Queue
from tests.producer.jobs import fetch
from tests.support.formats import OF_ARQ, ON_BOTH, current_name
from tests.support.manual_worker import ManualWorker
from tests.support.slowness import patience_s


@OF_ARQ
async def test_a_waiting_job_is_cancelled(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    handle = await producer.enqueue(fetch.options(defer_by=60), "u")
    cancelling = asyncio.create_task(handle.cancel(timeout=patience_s(10)))
    [lease] = await worker.claim_soon()
    assert lease.cancel_asked_ms is not None
    await worker.end(lease, value=asyncio.CancelledError(), success=False)
    assert await cancelling is True
    assert await handle.cancel() is True, "it was cancelled, and still is"
    with pytest.raises(JobCancelledError):
        await handle.result()
    assert await redis.exists(names.ABORT) == 0


@ON_BOTH
async def test_a_cancellation_that_comes_too_late_is_none(producer: Producer, worker: ManualWorker) -> None:
    handle = await producer.enqueue(fetch, "u")
    [lease] = await worker.claim()
    cancelling = asyncio.create_task(handle.cancel(timeout=patience_s(10)))
    await asyncio.sleep(0.1)
    await worker.end(lease, value=1)
    assert await cancelling is False
    assert await handle.result() == 1
    assert await producer.handle("none").cancel() is False


@ON_BOTH
async def test_a_job_that_fails_before_it_can_be_cancelled_was_not_cancelled(
    producer: Producer, worker: ManualWorker
) -> None:
    handle = await producer.enqueue(fetch, "u")
    [lease] = await worker.claim()
    cancelling = asyncio.create_task(handle.cancel(timeout=patience_s(10)))
    await asyncio.sleep(0.1)
    await worker.end(lease, value=ValueError("of its own"), success=False)
    assert await cancelling is False


@OF_ARQ
async def test_a_cancellation_that_nobody_carries_out_runs_out_of_time(producer: Producer, redis: Redis) -> None:
    handle = await producer.enqueue(fetch, "u")
    with pytest.raises(ResultTimeoutError):
        await handle.cancel(timeout=0.1)
    assert await redis.zscore(names.ABORT, handle.job_id) is not None


@OF_ARQ
async def test_a_cancelled_job_that_keeps_no_result_is_not_known_as_cancelled(
    producer: Producer, worker: ManualWorker
) -> None:
    handle = await producer.enqueue(fetch, "u")
    cancelling = asyncio.create_task(handle.cancel(timeout=patience_s(10)))
    await asyncio.sleep(0.1)
    await worker.end(*await worker.claim_soon(), value=asyncio.CancelledError(), success=False, keep_ms=-1)
    assert await cancelling is False


@ON_BOTH
async def test_with_a_timeout_of_0_a_cancellation_is_asked_for_and_not_awaited(
    producer: Producer, worker: ManualWorker
) -> None:
    handle = await producer.enqueue(fetch, "u")
    [lease] = await worker.claim()
    assert await handle.cancel(timeout=0) is False
    info = await handle.info()
    assert info is not None
    assert (info.state, info.cancel_asked_at is None) == ("running", False)
    await worker.end(lease, value=asyncio.CancelledError("not needed"), success=False)
    assert await handle.cancel(timeout=0) is True
    with pytest.raises(JobCancelledError, match=r"was cancelled: not needed$") as raised:
        await handle.result()
    assert copy.copy(raised.value).reason == "not needed"
    assert pickle.loads(pickle.dumps(raised.value)).reason == "not needed"


async def test_a_waiting_job_of_a_native_queue_ends_cancelled_at_once(producer: Producer) -> None:
    handle = await producer.enqueue(fetch.options(queue=Queue("plain"), defer_by=60), "u")
    assert await handle.cancel(timeout=0) is True
    assert await handle.state() == "cancelled"


async def test_questions_are_repeated_while_redis_is_away(unused_tcp_port: int) -> None:
    async with Producer(f"redis://127.0.0.1:{unused_tcp_port}", retry_for=0.2, queue=current_name()) as producer:
        for question in (producer.handle("a").state, producer.handle("a").info, producer.handle("a").cancel):
            with pytest.raises(RedisUnavailableError, match="cannot be reached"):
                await question()
