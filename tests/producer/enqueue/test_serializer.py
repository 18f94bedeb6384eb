"""What an enqueue puts into Redis, and what it refuses before it gets there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import fakeredis
import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.sentinel import Sentinel

from monarq.embedded import EmbeddedRedis
from monarq.producer import Producer, ProducerMisusedError, SyncProducer, named
from monarq.shared.errors import PayloadError, PayloadTooLargeError, SettingsError
from monarq.shared.redis import keys as names
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.keys import DEFAULT_QUEUE, PARKED_SCORE, QueueKeys
from tests.producer.jobs import count_primes, fetch, resize
from tests.support.played_worker import PlayedWorker
from tests.support.slowness import patience_s

QUEUE = QueueKeys.of(DEFAULT_QUEUE)


async def due_in_s(redis: Redis, queue: str, job_id: str) -> float:
    score = await redis.zscore(queue, job_id)
    assert score is not None
    seconds, micros = await redis.time()
    return float(score / 1000 - (seconds + micros / 1e6))


async def test_a_worker_gets_what_was_enqueued(producer: Producer, worker: PlayedWorker) -> None:
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
    later = fetch.options(queue="slow", job_id="a", defer_until=datetime.now(UTC) + timedelta(hours=1), expires=7200)
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
    assert [await redis.zcard(queue) for queue in queues] == [1, 1, 1]


async def test_a_job_can_be_enqueued_by_its_name(producer: Producer, redis: Redis, worker: PlayedWorker) -> None:
    await producer.enqueue("anything at all", 1, 2, three=4)
    [lease] = await worker.claim()
    assert worker.payload(lease).name == "anything at all"
    handle = await producer.enqueue(named("primes", lane="cpu", queue="other").options(job_id="n"), 1)
    assert (handle.job_id, handle.queue) == ("n", "other")
    assert await redis.zscore("other", "n") == PARKED_SCORE


@pytest.mark.parametrize("option", ["_defer_by", "_defer_until", "_expires", "_job_id", "_queue_name"])
async def test_no_option_is_sent_along_as_an_argument(producer: Producer, redis: Redis, option: str) -> None:
    right = rf"{option} is no argument .*\.options\({option[1:].removesuffix('_name')}=\.\.\.\)"
    with pytest.raises(TypeError, match=right):
        await producer.enqueue("anything at all", 1, **{option: 5})
    assert await redis.dbsize() == 0


@pytest.mark.parametrize(("name", "lane"), [("", "io"), ("fetch", "gpu")])
def test_a_name_or_lane_that_cannot_be_is_refused(name: str, lane: str) -> None:
    with pytest.raises(SettingsError):
        named(name, lane=lane)


async def test_the_same_id_twice_is_one_job(producer: Producer, worker: PlayedWorker) -> None:
    first = await producer.enqueue(fetch.options(job_id="once"), "u")
    second = await producer.enqueue(fetch.options(job_id="once"), "u")
    assert (first.existed, second.existed) == (False, True)
    [lease] = await worker.claim()
    assert (await producer.enqueue(fetch.options(job_id="once"), "u")).existed, "while it runs"
    await worker.end(lease, value=1)
    third = await producer.enqueue(fetch.options(job_id="once"), "u")
    assert third.existed, "while its result is kept"
    assert await third.result(timeout=patience_s(5)) == 1


async def test_a_hundred_enqueues_of_one_id_at_once_make_one_job(producer: Producer, worker: PlayedWorker) -> None:
    handles = await asyncio.gather(*(producer.enqueue(fetch.options(job_id="x"), str(n)) for n in range(100)))
    assert sum(not handle.existed for handle in handles) == 1
    assert len(await worker.claim()) == 1


async def test_many_at_once_keep_to_few_connections(producer: Producer, redis: Redis) -> None:
    handles = await asyncio.gather(*(producer.enqueue(fetch, "u") for _ in range(500)))
    assert len({handle.job_id for handle in handles}) == 500 == await redis.zcard(DEFAULT_QUEUE)
    assert len(await redis.client_list()) < 25


async def test_wrong_arguments_are_refused_here(producer: Producer, redis: Redis) -> None:
    with pytest.raises(TypeError, match="fetch"):
        await producer.enqueue(fetch)  # type: ignore[call-overload]  # the very mistake
    with pytest.raises(TypeError, match=r"'_job_id'; give .* by \.options\(job_id=\.\.\., queue=\.\.\.\) of the job"):
        await producer.enqueue(fetch, "u", _job_id="as-in-arq", _queue_name="q")  # type: ignore[call-overload]  # arq's way
    with pytest.raises(TypeError, match="@job"):
        await producer.enqueue(print, "u")  # type: ignore[call-overload]  # the very mistake
    with pytest.raises(PayloadError, match="fetch"):
        await producer.enqueue(fetch, object())  # type: ignore[call-overload]  # the very mistake
    assert await redis.dbsize() == 0


async def test_a_payload_over_the_limit_is_refused(redis_url: str, redis: Redis) -> None:
    async with Producer(redis_url, max_payload="1KB") as producer:
        with pytest.raises(PayloadTooLargeError, match="fetch"):
            await producer.enqueue(fetch, "u" * 1024)
        await producer.enqueue(fetch, "u" * 512)
    assert await redis.zcard(DEFAULT_QUEUE) == 1


async def test_pickle_only_where_it_was_asked_for(redis_url: str, redis: Redis) -> None:
    async with Producer(redis_url, codec="pickle") as producer:
        handle = await producer.enqueue(fetch, "u")
    data = await redis.get(names.job(handle.job_id))
    assert data is not None
    assert data[:1] == b"\x80"


async def test_a_client_of_ones_own_is_used_and_not_touched(redis_url: str, worker: PlayedWorker) -> None:
    async with open_redis(redis_url, decode_responses=True) as client, Producer(redis=client) as producer:
        producer._listener._poll_interval_s = 60.0
        handle = await producer.enqueue(fetch, "u")
        waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
        while not dict(await client.pubsub_numsub(QUEUE.ended))[QUEUE.ended]:
            await asyncio.sleep(0.01)
        await worker.end(*await worker.claim(), value=1)
        assert await waiting == 1
        await producer.close()
        assert await client.ping() is True


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://x"},
        {"codec": "json"},
        {"max_payload": "much"},
        {"retry_for": -1},
        {"url": "redis://x", "redis": Redis()},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Producer(**settings)  # type: ignore[arg-type]  # the very mistake


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (BlockingRedis(), "redis is a Redis, which blocks: give one of redis.asyncio"),
        (fakeredis.FakeRedis(), "or fakeredis.FakeAsyncRedis in its place"),
        (RedisCluster("localhost"), "whose server is a cluster"),
        (Sentinel([("localhost", 26379)]), r"master_for\(...\)"),
        ("redis://:secret@localhost", "redis is a str, no client: give a URL as url"),
        (5, "no client"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("kind", [Producer, SyncProducer])
def test_a_client_that_cannot_be_used_says_what_is_needed(kind: Any, client: object, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        kind(redis=client)


def test_a_client_of_another_loop_and_a_fake_one_will_do(redis_server: EmbeddedRedis, redis_url: str) -> None:
    async def used() -> Redis:
        client = open_redis(redis_url)
        await client.ping()
        return client

    with asyncio.Runner() as runner:
        client = runner.run(used())
        with SyncProducer(redis=client) as producer:
            assert producer.enqueue(fetch, "u").status() == "queued"
        assert runner.run(client.ping())
        runner.run(client.aclose())
    with SyncProducer(redis=fakeredis.FakeAsyncRedis()) as producer:
        assert producer.enqueue(fetch, "u").status() == "queued"


def test_a_producer_of_another_event_loop_says_so(redis_server: EmbeddedRedis) -> None:
    producer = Producer(redis_server.url)

    async def use() -> None:
        await producer.enqueue(fetch, "u")

    asyncio.run(_use_and_hang_up(producer))
    with pytest.raises(ProducerMisusedError, match="another event loop"):
        asyncio.run(use())


async def _use_and_hang_up(producer: Producer) -> None:
    assert await producer.handle("nothing").result_info() is None
    await producer.close()
