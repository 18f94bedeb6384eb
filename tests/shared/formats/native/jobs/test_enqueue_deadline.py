"""A repeated enqueue holds for 100 s after its first sending; after that it changes nothing, and stays unknown."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut
from monarq.producer import Producer
from monarq.shared.errors import EnqueueUnknownError
from monarq.shared.formats.native import producer as native_producer
from monarq.shared.formats.native.jobs.enqueue import REPEATABLE_MS, enqueue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.producer import NativeProducerQueue
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue
from tests.producer.jobs import fetch
from tests.shared.formats.native.pieces import KEYS, now_ms
from tests.shared.formats.native.state import is_alive
from tests.support.proxy import Proxy

PLACEMENT = Placement(name="f")
JOBS = [("a", b"payload")]


async def test_it_is_in_until_then_and_refused_whole_after_it(redis: Redis) -> None:
    now = await now_ms(redis)
    with pytest.raises(EnqueueUnknownError, match="too late"):
        await enqueue(redis, KEYS, "call", PLACEMENT, EnqueueMode.REPEATED, JOBS, until_ms=now - 1)
    assert await redis.dbsize() == 0
    reply = await enqueue(redis, KEYS, "call", PLACEMENT, EnqueueMode.REPEATED, JOBS, until_ms=now + 10_000)
    assert reply.codes == [Enqueued.ADDED]
    assert await is_alive(redis, "a")


async def test_no_repetition_holds_longer_than_tombstones_last(redis: Redis) -> None:
    assert REPEATABLE_MS < 120_000


@pytest.mark.parametrize(("monotonic_s", "wall_s"), [(101, 0), (0, 101)], ids=["time passes", "the machine sleeps"])
async def test_the_producer_counts_from_its_first_sending(
    proxy: Proxy, redis: Redis, monkeypatch: pytest.MonkeyPatch, monotonic_s: int, wall_s: int
) -> None:
    clocks = native_producer.clocks
    passed = (0, 0)

    def later() -> tuple[float, float]:
        return clocks()[0] + passed[0], clocks()[1] + passed[1]

    async def pass_time() -> None:
        """The job ends, and what shows that it has ended goes."""
        nonlocal passed
        passed = monotonic_s, wall_s
        await redis.flushdb()

    monkeypatch.setattr(native_producer, "clocks", later)
    proxy.lose(Cut.REPLY, b"u-of-a-call")
    proxy.meanwhile = pass_time
    async with Producer(proxy.url, queue=Queue("native")) as producer:
        with pytest.raises(EnqueueUnknownError, match="too late"):
            await producer.enqueue(fetch.options(job_id="a"), "u-of-a-call")
    assert proxy.lost == 1
    keys = NativeKeys.of("native")
    assert not await redis.exists(keys.key("payloads"), keys.key("barred"))


async def test_a_lost_reply_is_repeated_in_time(proxy: Proxy, redis: Redis) -> None:
    proxy.lose(Cut.REPLY, b"u-of-a-call")
    async with Producer(proxy.url, queue=Queue("native")) as producer:
        handle = await producer.enqueue(fetch, "u-of-a-call")
    assert not handle.existed
    assert proxy.lost == 1
    assert await redis.hlen(NativeKeys.of("native").key("payloads")) == 2  # type: ignore[misc]
    await redis.flushdb()


async def test_a_repetition_of_a_call_that_nobody_remembers_is_refused(proxy: Proxy) -> None:
    async with Producer(proxy.url) as producer:
        queue = NativeProducerQueue(QueueRef("native", "native"))
        with pytest.raises(EnqueueUnknownError):
            await queue.enqueue(producer._redis, PLACEMENT, EnqueueMode.REPEATED, "call", JOBS)
