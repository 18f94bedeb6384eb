"""The settings of a producer, its connections and its event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.embedded import EmbeddedRedis
from monarq.producer import Producer, ProducerMisusedError, SyncProducer
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.decorators import job
from monarq.shared.queue import to_ref
from monarq.shared.redis.client import CONNECTIONS
from monarq.workers.config.settings import WorkerSettings
from tests.producer.jobs import fetch
from tests.support.formats import ON_BOTH, count_waiting, current_name


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
        Producer(**settings, queue=current_name())  # type: ignore[arg-type]  # the very mistake


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (5, "is 5: give text, such as '5'"),
        ("", "must not be empty: leave it out"),
        ("\ud800", "cannot be written as UTF-8"),
    ],
)
def test_what_cannot_be_a_name(name: Any, words: str) -> None:
    for refused in (
        lambda: fetch.options(job_id=name),
        lambda: fetch.options(queue=name),
        lambda: job(queue=name),
        lambda: Producer(queue=name),
        lambda: WorkerSettings(queues=(to_ref(name),)),
    ):
        with pytest.raises(SettingsError, match=words):
            refused()


@ON_BOTH
async def test_many_at_once_keep_to_few_connections(producer: Producer, redis: Redis) -> None:
    before = {client["id"] for client in await redis.client_list()}
    handles = await asyncio.gather(*(producer.enqueue(fetch, "u") for _ in range(500)))
    assert len({handle.job_id for handle in handles}) == 500 == await count_waiting(redis)
    assert len({client["id"] for client in await redis.client_list()} - before) <= CONNECTIONS


def test_a_producer_of_another_event_loop_says_so(redis_server: EmbeddedRedis) -> None:
    producer = Producer(redis_server.url, queue=current_name())

    async def use() -> None:
        await producer.enqueue(fetch, "u")

    asyncio.run(_use_and_hang_up(producer))
    with pytest.raises(ProducerMisusedError, match="another event loop"):
        asyncio.run(use())


async def _use_and_hang_up(producer: Producer) -> None:
    assert await producer.handle("nothing").info() is None
    await producer.close()


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::pytest.PytestUnraisableExceptionWarning")
async def test_a_call_in_place_of_a_job_says_what_to_give(redis_url: str) -> None:
    told = r"fetch\(\.\.\.\) is a call, not a job: pass the function and its arguments, enqueue\(fetch, \.\.\.\)"
    wrong: Any
    async with Producer(redis_url) as producer:
        for wrong in (fetch("u"), [fetch("u")]):
            with pytest.raises(TypeError, match=told):
                await producer.enqueue_many(wrong)
        wrong = fetch("u")
        with pytest.raises(TypeError, match=told):
            await producer.enqueue(wrong)

    def use() -> None:
        with SyncProducer(redis_url) as producer:
            for enqueue in (producer.enqueue, producer.enqueue_many):
                called: Any = fetch("u")
                with pytest.raises(TypeError, match=told):
                    enqueue(called)

    await asyncio.to_thread(use)
