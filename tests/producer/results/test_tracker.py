"""Aborts, and commands that are repeated while Redis is not reachable."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.errors import JobAbortedError, RedisUnavailableError, ResultTimeoutError
from monarq.shared.formats.arq import keys as names
from tests.producer.jobs import fetch
from tests.support.formats import OF_ARQ, ON_BOTH, current_name
from tests.support.manual_worker import ManualWorker


@OF_ARQ
async def test_a_waiting_job_is_aborted(producer: Producer, worker: ManualWorker, redis: Redis) -> None:
    handle = await producer.enqueue(fetch.options(defer_by=60), "u")
    aborting = asyncio.create_task(handle.abort(timeout=10))
    [lease] = await worker.claim_soon()
    assert lease.abort_ms is not None
    await worker.end(lease, value=asyncio.CancelledError(), success=False)
    assert await aborting is True
    assert await handle.abort() is True, "it was aborted, and still is"
    with pytest.raises(JobAbortedError):
        await handle.result()
    assert await redis.exists(names.ABORT) == 0


@ON_BOTH
async def test_an_abort_that_comes_too_late_is_none(producer: Producer, worker: ManualWorker) -> None:
    handle = await producer.enqueue(fetch, "u")
    [lease] = await worker.claim()
    aborting = asyncio.create_task(handle.abort(timeout=10))
    await asyncio.sleep(0.1)
    await worker.end(lease, value=1)
    assert await aborting is False
    assert await handle.result() == 1
    assert await producer.handle("none").abort() is False


@ON_BOTH
async def test_a_job_that_fails_before_it_can_be_aborted_was_not_aborted(
    producer: Producer, worker: ManualWorker
) -> None:
    handle = await producer.enqueue(fetch, "u")
    [lease] = await worker.claim()
    aborting = asyncio.create_task(handle.abort(timeout=10))
    await asyncio.sleep(0.1)
    await worker.end(lease, value=ValueError("of its own"), success=False)
    assert await aborting is False


@OF_ARQ
async def test_an_abort_that_nobody_carries_out_runs_out_of_time(producer: Producer, redis: Redis) -> None:
    handle = await producer.enqueue(fetch, "u")
    with pytest.raises(ResultTimeoutError):
        await handle.abort(timeout=0.1)
    assert await redis.zscore(names.ABORT, handle.job_id) is not None


@OF_ARQ
async def test_an_aborted_job_that_keeps_no_result_is_not_known_as_aborted(
    producer: Producer, worker: ManualWorker
) -> None:
    handle = await producer.enqueue(fetch, "u")
    aborting = asyncio.create_task(handle.abort(timeout=10))
    await asyncio.sleep(0.1)
    await worker.end(*await worker.claim_soon(), value=asyncio.CancelledError(), success=False, keep_ms=-1)
    assert await aborting is False


async def test_questions_are_repeated_while_redis_is_away(unused_tcp_port: int) -> None:
    async with Producer(f"redis://127.0.0.1:{unused_tcp_port}", retry_for=0.2, queue=current_name()) as producer:
        for question in (producer.handle("a").status, producer.handle("a").result_info, producer.handle("a").abort):
            with pytest.raises(RedisUnavailableError, match="REDIS_URL"):
                await question()
