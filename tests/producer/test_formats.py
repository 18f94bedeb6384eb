"""A producer and queues of several formats: each gets its own implementation, and all goes through the contract."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.producer import JobState, Producer
from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.formats.choice import producers
from monarq.shared.formats.native.producer import NativeProducerQueue
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.enqueue import EnqueueMode
from monarq.shared.protocol.producer_queue import ProducerQueue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue
from tests.producer.fake_queue import DUE_MS, ENQUEUED_MS, FakeQueue
from tests.producer.jobs import fetch
from tests.producer.results.listening import poll_every
from tests.support.formats import count_waiting
from tests.support.slowness import in_time, patience_s


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    """What producers get for the native queue "fake"."""
    made = FakeQueue(QueueRef("fake", "native"))

    def of_native(queue: QueueRef) -> ProducerQueue:
        return made if queue == made.ref else NativeProducerQueue(queue)

    monkeypatch.setattr(producers, "_QUEUES", {"arq": ArqProducerQueue, "native": of_native})
    return made


IN_FAKE = fetch.options(queue=Queue("fake"))


async def subscribed(redis: Redis, channel: str) -> None:
    async with in_time(10):
        while dict(await redis.pubsub_numsub(channel))[channel.encode()] < 1:
            await asyncio.sleep(0.005)


async def test_each_queue_has_the_implementation_of_its_format(
    fake: FakeQueue, producer: Producer, redis: Redis
) -> None:
    handle = await producer.enqueue(IN_FAKE, "u")
    assert (handle.queue, handle.job_id, await handle.state()) == ("fake", "fake-0", JobState.QUEUED)
    assert await redis.dbsize() == 0
    await producer.enqueue(fetch.options(queue="fake"), "u")
    await producer.enqueue(fetch.options(queue=Queue("fake", format="arq")), "u")
    await producer.enqueue(fetch, "u")
    assert (await redis.zcard("fake"), await count_waiting(redis), len(fake.calls)) == (1, 1, 2)


async def test_a_producers_own_queue_may_be_of_any_format(fake: FakeQueue, redis_url: str) -> None:
    async with Producer(redis_url, queue=Queue("fake")) as producer:
        assert [handle.queue for handle in await producer.enqueue_many(fetch, [("u",), ("v",)])] == ["fake", "fake"]
    [(_, mode, payloads)] = fake.calls
    assert (mode, len(payloads)) == (EnqueueMode.NEW, 2)


async def test_a_call_has_a_name_of_its_own_and_keeps_it_when_it_is_repeated(
    fake: FakeQueue, producer: Producer
) -> None:
    fake.failures = [RedisConnectionError("lost"), RedisConnectionError("lost")]
    await producer.enqueue(IN_FAKE, "u")
    await producer.enqueue(IN_FAKE, "u")
    names, modes, _ = zip(*fake.calls, strict=True)
    assert modes == (EnqueueMode.NEW, EnqueueMode.REPEATED, EnqueueMode.REPEATED, EnqueueMode.NEW)
    assert names[0] == names[1] == names[2] != names[3]


async def test_a_payload_has_the_times_that_its_queue_says(fake: FakeQueue, producer: Producer) -> None:
    await producer.enqueue(IN_FAKE, "u")
    await producer.enqueue(IN_FAKE.options(defer_by=60), "u")
    payloads = [Payload.read(payload, Codecs()) for _, _, [payload] in fake.calls]
    assert [(payload.enqueue_ms, payload.due_ms) for payload in payloads] == [
        (ENQUEUED_MS, None),
        (ENQUEUED_MS, DUE_MS),
    ]


async def test_a_result_that_the_message_brings_is_not_fetched(
    fake: FakeQueue, producer: Producer, redis: Redis
) -> None:
    poll_every(producer, 60)
    ended, waits = await producer.enqueue_many(IN_FAKE, [("u",), ("v",)])
    waiting = [asyncio.create_task(handle.result(timeout=patience_s(10))) for handle in (ended, waits)]
    await subscribed(redis, fake.ended)
    await redis.publish(fake.ended, message_of(ended.job_id))
    assert await waiting[0] == 42
    fake.lookups.clear()
    await redis.publish(fake.ended, waits.job_id)
    async with in_time(10):
        while not fake.lookups:
            await asyncio.sleep(0.005)
    assert fake.lookups[0] == [waits.job_id], "its message brought no result, and that of the other was brought"
    waiting[1].cancel()


async def test_a_watched_jobs_last_report_comes_before_its_end(
    fake: FakeQueue, producer: Producer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def split_ended(message: bytes) -> list[tuple[bytes, bytes | None]]:
        fake.results[handle.job_id] = MSGPACK.dumps(RESULT | {"r": "fetched"})
        return list(FakeQueue.split_ended(fake, message))

    monkeypatch.setattr(fake, "split_ended", split_ended)
    poll_every(producer, 60)
    handle = await producer.enqueue(IN_FAKE, "u")
    stop = handle.on_progress(lambda progress: None)
    waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
    await subscribed(redis, fake.ended)
    await redis.publish(fake.ended, message_of(handle.job_id))
    assert await waiting == "fetched"
    assert fake.progress_lookups[-1] == [handle.job_id]
    stop()


def message_of(job_id: str) -> str:
    """A message that brings a job's result, 42."""
    return f"{job_id}={MSGPACK.dumps(RESULT).hex()}"


RESULT = {
    "t": 1,
    "f": "fetch_page",
    "a": [],
    "k": {},
    "et": ENQUEUED_MS,
    "s": True,
    "r": 42,
    "st": ENQUEUED_MS,
    "ft": ENQUEUED_MS,
    "q": "fake",
    "id": "fake-0",
}
