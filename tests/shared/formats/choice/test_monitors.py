"""The choice of a queue by its name, where both formats may have one of it."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.choice.monitors import find_queue, known_queues, monitor_queue
from monarq.shared.formats.native.keys import FLEET_QUEUES, NativeKeys
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.manual_worker import ManualWorker
from tests.support.queues import ARQ_QUEUE, arq_queue
from tests.support.workers import put

NATIVE = QueueRef("mail", "native")


async def test_a_name_means_the_native_queue_where_that_is_known(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=QueueKeys.of("mail"))
    assert await find_queue(redis, "mail") == arq_queue("mail")
    await put(redis, "send", job_id="b", queue=NATIVE)
    assert await find_queue(redis, "mail") == NATIVE
    assert await find_queue(redis, "nobody's") == QueueRef("nobody's", "native")
    assert await find_queue(redis, DEFAULT_QUEUE) == ARQ_QUEUE, "as its name suggests"


async def test_a_native_queue_that_nobody_has_used_for_long_is_known_by_its_jobs(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=NATIVE, delay_ms=60_000)
    await redis.delete(FLEET_QUEUES)
    assert await find_queue(redis, "mail") == NATIVE
    assert [removed async for removed in monitor_queue(NATIVE).purge(redis, ["deferred"])] == [1]
    await put(redis, "send", job_id="a", queue=QueueKeys.of("mail"))
    assert await find_queue(redis, "mail") == arq_queue("mail")


async def test_an_empty_native_queue_does_not_hide_the_jobs_of_its_namesake(redis: Redis) -> None:
    """As after an enqueue by a name that meant the other one."""
    await register_queues(redis, ["mail"])
    assert await find_queue(redis, "mail") == NATIVE
    await put(redis, "send", job_id="a", queue=QueueKeys.of("mail"))
    assert await find_queue(redis, "mail") == arq_queue("mail")
    await monitor_queue(NATIVE).pause(redis)
    assert await find_queue(redis, "mail") == NATIVE, "whoever paused it resumes it"
    await monitor_queue(NATIVE).resume(redis)
    await redis.zadd(NativeKeys.of("mail").key("dead"), {"d": 1})
    assert await find_queue(redis, "mail") == NATIVE, "its dead letters can be reached"
    await redis.delete(NativeKeys.of("mail").key("dead"))
    assert await find_queue(redis, "mail") == arq_queue("mail")
    await put(redis, "send", job_id="b", queue=NATIVE)
    assert await find_queue(redis, "mail") == NATIVE


async def test_a_native_queue_whose_only_job_runs_is_not_empty(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=QueueKeys.of("mail"))
    await put(redis, "send", job_id="b", queue=NATIVE)
    worker = ManualWorker(redis, NATIVE)
    leases = await worker.claim()
    assert await find_queue(redis, "mail") == NATIVE
    await worker.end(*leases)
    assert await find_queue(redis, "mail") == arq_queue("mail")


async def test_jobs_of_the_default_queue_in_arqs_format_are_not_those_of_the_native_one(redis: Redis) -> None:
    await register_queues(redis, ["default"])
    await put(redis, "send", job_id="a", queue=ARQ_QUEUE)
    assert await find_queue(redis, "default") == QueueRef("default", "native")


async def test_queues_of_all_formats_are_listed_by_name_and_the_default_first(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=QueueKeys.of("mail"))
    await register_queues(redis, ["mail", "a"])
    assert await known_queues(redis) == [QueueRef("a", "native"), arq_queue("mail"), NATIVE]
    await put(redis, "send", job_id="b", queue=ARQ_QUEUE)
    await register_queues(redis, ["default"])
    others = [QueueRef("a", "native"), arq_queue("mail"), NATIVE]
    assert await known_queues(redis) == [QueueRef("default", "native"), ARQ_QUEUE, *others]


async def test_where_there_is_no_queue_the_default_one_is_listed(redis: Redis) -> None:
    assert await known_queues(redis) == [QueueRef("default", "native")]


@pytest.mark.parametrize("key", ["arq:queue:health-check", QueueKeys.of(DEFAULT_QUEUE).paused])
async def test_arqs_default_queue_is_listed_where_it_is_used_at_all(redis: Redis, key: str) -> None:
    await redis.set(key, "1", px=60_000)
    assert await known_queues(redis) == [ARQ_QUEUE]


async def test_arqs_default_queue_is_listed_in_the_second_of_its_first_job(redis: Redis) -> None:
    """Its job may have ended, before a worker has written its record and anything has been counted for longer."""
    await put(redis, "send", job_id="a", queue=ARQ_QUEUE)
    await redis.delete(ARQ_QUEUE.name, "arq:job:a")
    assert await known_queues(redis) == [ARQ_QUEUE]


async def test_the_queue_is_of_the_format_that_was_asked_for() -> None:
    assert [monitor_queue(each).ref for each in (NATIVE, arq_queue("mail"))] == [NATIVE, arq_queue("mail")]
