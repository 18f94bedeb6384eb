"""The choice of a queue by its name, where both formats may have one of it."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.choice.monitors import find_queue, known_queues, monitor_queue
from monarq.shared.formats.native.keys import FLEET_QUEUES
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.queues import ARQ_QUEUE, arq_queue
from tests.support.workers import put

NATIVE = QueueRef("mail", "native")


async def test_a_name_means_the_native_queue_where_that_is_known(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=QueueKeys.of("mail"))
    assert await find_queue(redis, "mail") == arq_queue("mail")
    await put(redis, "send", job_id="b", queue=NATIVE)
    assert await find_queue(redis, "mail") == NATIVE
    assert await find_queue(redis, "nobody's") == arq_queue("nobody's")


async def test_a_native_queue_that_nobody_has_used_for_long_is_known_by_its_jobs(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=NATIVE, delay_ms=60_000)
    await redis.delete(FLEET_QUEUES)
    assert await find_queue(redis, "mail") == NATIVE
    assert [removed async for removed in monitor_queue(NATIVE).purge(redis, ["deferred"])] == [1]
    assert await find_queue(redis, "mail") == arq_queue("mail")


async def test_queues_of_all_formats_are_listed_by_name_and_the_default_first(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=QueueKeys.of("mail"))
    await register_queues(redis, ["mail", "a"])
    assert await known_queues(redis) == [ARQ_QUEUE, QueueRef("a", "native"), arq_queue("mail"), NATIVE]


async def test_the_queue_is_of_the_format_that_was_asked_for() -> None:
    assert [monitor_queue(each).ref for each in (NATIVE, arq_queue("mail"))] == [NATIVE, arq_queue("mail")]
