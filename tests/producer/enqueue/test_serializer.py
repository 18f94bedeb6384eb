"""What an enqueue writes to Redis: queue, due time, expiry and payload; and what it refuses before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.errors import PayloadError, PayloadTooLargeError, SettingsError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, PARKED_SCORE, QueueKeys
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue
from tests.producer.jobs import count_primes, fetch, resize
from tests.support.formats import OF_ARQ, count_waiting, current_name
from tests.support.manual_worker import ManualWorker

pytestmark = OF_ARQ

QUEUE = QueueKeys.of(DEFAULT_QUEUE)


async def due_in_s(redis: Redis, queue: str, job_id: str) -> float:
    score = await redis.zscore(queue, job_id)
    assert score is not None
    seconds, micros = await redis.time()
    return float(score / 1000 - (seconds + micros / 1e6))


async def test_a_worker_gets_what_was_enqueued(producer: Producer, worker: ManualWorker) -> None:
    handle = await producer.enqueue(fetch, "http://example.org", depth=3)
    [lease] = await worker.claim()
    payload = worker.payload(lease)
    assert (lease.job_id, handle.existed, handle.queue) == (handle.job_id, False, DEFAULT_QUEUE)
    assert (payload.name, payload.args, payload.kwargs) == ("fetch_page", ("http://example.org",), {"depth": 3})


async def test_a_cpu_job_waits_in_the_cpu_set_and_is_parked_in_the_queue(producer: Producer, redis: Redis) -> None:
    handle = await producer.enqueue(count_primes, 1, 10)
    assert await redis.zscore(DEFAULT_QUEUE, handle.job_id) == PARKED_SCORE
    assert abs(await due_in_s(redis, QUEUE.cpu, handle.job_id)) < 5


async def test_a_job_is_deferred_by_seconds_or_until_a_time(producer: Producer, redis: Redis) -> None:
    by = await producer.enqueue(fetch.options(defer_by=30), "u")
    until = await producer.enqueue(fetch.options(defer_until=datetime.now(UTC) + timedelta(seconds=60)), "u")
    past = await producer.enqueue(fetch.options(defer_until=datetime.fromtimestamp(0, UTC)), "u")
    assert 25 < await due_in_s(redis, DEFAULT_QUEUE, by.job_id) <= 30
    assert 55 < await due_in_s(redis, DEFAULT_QUEUE, until.job_id) <= 60
    assert await redis.zscore(DEFAULT_QUEUE, past.job_id) == 2


async def test_a_job_expires(producer: Producer, redis: Redis) -> None:
    handle = await producer.enqueue(fetch.options(expires=timedelta(seconds=90)), "u")
    forever = await producer.enqueue(fetch, "u")
    assert 85_000 < await redis.pttl(names.job(handle.job_id)) <= 90_000
    assert await redis.pttl(names.job(forever.job_id)) == -1


async def test_a_job_that_expires_before_it_is_due_is_refused(producer: Producer, redis: Redis) -> None:
    with pytest.raises(SettingsError, match="never be started"):
        await producer.enqueue(fetch.options(defer_by=10, expires=5), "u")
    assert await redis.dbsize() == 0


async def test_options_asked_for_again_replace_what_they_name_and_leave_the_rest(
    producer: Producer, redis: Redis
) -> None:
    slow = Queue("slow", format="arq")
    later = fetch.options(queue=slow, job_id="a", defer_until=datetime.now(UTC) + timedelta(hours=1), expires=7200)
    handle = await producer.enqueue(later.options(job_id="b", defer_by=30), "u")
    assert (handle.queue, handle.job_id) == ("slow", "b")
    assert 25 < await due_in_s(redis, "slow", "b") <= 30
    assert 7_100_000 < await redis.pttl(names.job("b")) <= 7_200_000
    assert (await producer.enqueue(later, "u")).job_id == "a"


async def test_the_queue_is_the_options_then_the_jobs_then_the_producers(redis_url: str, redis: Redis) -> None:
    async with Producer(redis_url, queue="mine") as producer:
        queues = [
            (await producer.enqueue(fetch, "u")).queue,
            (await producer.enqueue(resize, "key")).queue,
            (await producer.enqueue(resize.options(queue="slow"), "key")).queue,
        ]
    assert queues == ["mine", "images", "slow"]
    assert [await count_waiting(redis, QueueRef(queue, "native")) for queue in queues] == [1, 1, 1]


async def test_wrong_arguments_are_refused_here(producer: Producer, redis: Redis) -> None:
    with pytest.raises(TypeError, match="fetch"):
        await producer.enqueue(fetch)  # type: ignore[call-overload]  # the very mistake
    with pytest.raises(TypeError, match=r"'_job_id'; pass it as an option: .*\.options\(job_id=\.\.\., queue=\.\.\.\)"):
        await producer.enqueue(fetch, "u", _job_id="as-in-arq", _queue_name="q")  # type: ignore[call-overload]  # arq's way
    with pytest.raises(TypeError, match="@job"):
        await producer.enqueue(print, "u")  # type: ignore[call-overload]  # the very mistake
    with pytest.raises(PayloadError, match="fetch"):
        await producer.enqueue(fetch, object())  # type: ignore[call-overload]  # the very mistake
    assert await redis.dbsize() == 0


async def test_a_payload_over_the_limit_is_refused(redis_url: str, redis: Redis) -> None:
    async with Producer(redis_url, max_payload="1KB", queue=current_name()) as producer:
        with pytest.raises(PayloadTooLargeError, match="fetch"):
            await producer.enqueue(fetch, "u" * 1024)
        await producer.enqueue(fetch, "u" * 512)
    assert await count_waiting(redis) == 1


async def test_pickle_only_where_it_was_asked_for(redis_url: str, redis: Redis) -> None:
    async with Producer(redis_url, codec="pickle", queue=current_name()) as producer:
        handle = await producer.enqueue(fetch, "u")
    data = await redis.get(names.job(handle.job_id))
    assert data is not None
    assert data[:1] == b"\x80"
