"""The options `url` and `redis`: which clients a producer takes, and what it says of the others."""

from __future__ import annotations

import asyncio
from typing import Any

import fakeredis
import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.sentinel import Sentinel

from monarq.embedded import EmbeddedRedis
from monarq.producer import Producer, SyncProducer
from monarq.shared.errors import SettingsError
from monarq.shared.redis.connection import open_redis
from tests.producer.jobs import fetch
from tests.support.formats import ON_BOTH, current_name, ended_channel
from tests.support.manual_worker import ManualWorker
from tests.support.slowness import patience_s


@ON_BOTH
async def test_a_client_of_ones_own_is_used_and_not_touched(redis_url: str, worker: ManualWorker) -> None:
    async with (
        open_redis(redis_url, decode_responses=True) as client,
        Producer(redis=client, queue=current_name()) as producer,
    ):
        producer._listener._poll_interval_s = 60.0
        ended = ended_channel()
        handle = await producer.enqueue(fetch, "u")
        waiting = asyncio.create_task(handle.result(timeout=patience_s(10)))
        while not dict(await client.pubsub_numsub(ended))[ended]:
            await asyncio.sleep(0.01)
        await worker.end(*await worker.claim(), value=1)
        assert await waiting == 1
        await producer.close()
        assert await client.ping() is True


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (BlockingRedis(), "redis is a Redis, which blocks: give a client of redis.asyncio"),
        (fakeredis.FakeRedis(), r"\(or fakeredis.FakeAsyncRedis\), or a URL"),
        (RedisCluster("localhost"), "which may retry commands by itself: give the cluster.s address as url"),
        (Sentinel([("localhost", 26379)]), r"master_for\(...\)"),
        ("redis://:secret@localhost", "redis is a str, not a client: pass a URL as url"),
        (5, "not a client"),
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
        with SyncProducer(redis=client, queue=current_name()) as producer:
            assert producer.enqueue(fetch, "u").state() == "queued"
        assert runner.run(client.ping())
        runner.run(client.aclose())
    with SyncProducer(redis=fakeredis.FakeAsyncRedis(), queue=current_name()) as producer:
        assert producer.enqueue(fetch, "u").state() == "queued"


def test_a_producer_shows_its_queue_and_its_redis_without_the_password() -> None:
    shown = "of mail, Redis at redis://localhost:6379/2>"
    assert repr(Producer("redis://:secret@localhost:6379/2", queue="mail")) == f"<Producer {shown}"
    with SyncProducer("redis://:secret@localhost:6379/2", queue="mail") as producer:
        assert repr(producer) == f"<SyncProducer {shown}"
