"""What a handle tells of a job, and how it stops one."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from monarq.producer import JobStatus, Producer
from monarq.producer.results.status import decide_status
from monarq.shared.errors import JobAbortedError, RedisUnavailableError, ResultTimeoutError
from monarq.shared.redis import keys as names
from monarq.shared.redis.keys import DEFAULT_QUEUE, PARKED_SCORE
from tests.producer.jobs import count_primes, fetch
from tests.support.played_worker import PlayedWorker


async def test_a_jobs_life_in_arqs_words(producer: Producer, worker: PlayedWorker) -> None:
    later = await producer.enqueue(fetch.options(defer_by=60), "u")
    handle = await producer.enqueue(fetch, "u")
    seen = [await later.status(), await handle.status()]
    [lease] = await worker.claim()
    seen.append(await handle.status())
    assert await handle.result_info() is None
    await worker.end(lease, value=3)
    seen += [await handle.status(), await producer.handle("none").status()]
    assert seen == ["deferred", "queued", "in_progress", "complete", "not_found"]
    info = await handle.result_info()
    assert info is not None
    assert (info.value, info.name, info.job_id) == (3, "fetch_page", handle.job_id)


async def test_a_parked_cpu_job_is_queued_or_deferred_by_its_own_set(producer: Producer, worker: PlayedWorker) -> None:
    later = await producer.enqueue(count_primes.options(defer_by=60), 1, 2)
    handle = await producer.enqueue(count_primes, 1, 2)
    assert [await later.status(), await handle.status()] == ["deferred", "queued"]
    await worker.claim(lane_queue="cpu")
    assert await handle.status() == JobStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("score", "cpu_score", "running", "ended", "status"),
    [
        (None, None, 0, 0, "not_found"),
        (b"1000", None, 0, 0, "queued"),
        (b"1001", None, 0, 0, "deferred"),
        (b"16000.5", None, 1, 0, "in_progress"),
        (b"1000", None, 1, 1, "complete"),
        (str(PARKED_SCORE).encode(), b"1000", 0, 0, "queued"),
        (str(PARKED_SCORE).encode(), b"1001", 0, 0, "deferred"),
        (b"1000", b"5000", 0, 0, "queued"),
        (None, None, 0, 1, "complete"),
    ],
)
def test_status_by_what_redis_holds(
    score: bytes | None, cpu_score: bytes | None, running: int, ended: int, status: str
) -> None:
    assert decide_status((b"1", b"0"), score, cpu_score, running, ended) == status


async def test_a_waiting_job_is_aborted(producer: Producer, worker: PlayedWorker, redis: Redis) -> None:
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


async def test_an_abort_that_comes_too_late_is_none(producer: Producer, worker: PlayedWorker) -> None:
    handle = await producer.enqueue(fetch, "u")
    [lease] = await worker.claim()
    aborting = asyncio.create_task(handle.abort(timeout=10))
    await asyncio.sleep(0.1)
    await worker.end(lease, value=1)
    assert await aborting is False
    assert await handle.result() == 1
    assert await producer.handle("none").abort() is False


async def test_a_job_that_fails_before_it_can_be_aborted_was_not_aborted(
    producer: Producer, worker: PlayedWorker
) -> None:
    handle = await producer.enqueue(fetch, "u")
    [lease] = await worker.claim()
    aborting = asyncio.create_task(handle.abort(timeout=10))
    await asyncio.sleep(0.1)
    await worker.end(lease, value=ValueError("of its own"), success=False)
    assert await aborting is False


async def test_an_abort_that_nobody_carries_out_runs_out_of_time(producer: Producer, redis: Redis) -> None:
    handle = await producer.enqueue(fetch, "u")
    with pytest.raises(ResultTimeoutError):
        await handle.abort(timeout=0.1)
    assert await redis.zscore(names.ABORT, handle.job_id) is not None


async def test_an_aborted_job_that_keeps_no_result_cannot_tell(producer: Producer, worker: PlayedWorker) -> None:
    handle = await producer.enqueue(fetch, "u")
    aborting = asyncio.create_task(handle.abort(timeout=10))
    await asyncio.sleep(0.1)
    await worker.end(*await worker.claim_soon(), value=asyncio.CancelledError(), success=False, keep_ms=-1)
    assert await aborting is False


async def test_questions_are_repeated_while_redis_is_away(unused_tcp_port: int) -> None:
    async with Producer(f"redis://127.0.0.1:{unused_tcp_port}", retry_for=0.2) as producer:
        for question in (producer.handle("a").status, producer.handle("a").result_info, producer.handle("a").abort):
            with pytest.raises(RedisUnavailableError, match="REDIS_URL"):
                await question()


async def test_a_handle_shows_what_it_is_of(producer: Producer) -> None:
    await producer.enqueue(fetch.options(job_id="a"), "u")
    handle = await producer.enqueue(fetch.options(job_id="a"), "u")
    assert repr(handle) == f"<handle of job a in {DEFAULT_QUEUE}, which existed>"
