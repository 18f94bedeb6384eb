"""A burst ends when nothing is left that this worker could do."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.jobs.burst import Burst
from monarq.workers.leases.table import LeaseTable
from tests.support.formats import OF_ARQ
from tests.support.leases import lease_of
from tests.support.queues import queue_of
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, put

pytestmark = OF_ARQ


class Parts:
    """What a burst looks at."""

    def __init__(self) -> None:
        self.table = LeaseTable([QUEUE.ref])
        self.running: dict[str, object] = {}
        self.requeued: dict[QueueRef, set[bytes]] = {}
        self.budget: int | None = None
        self.maybe_idle = asyncio.Event()

    async def is_done(self, redis: Redis) -> bool:
        """Whether the burst ends when it looks the next time."""
        burst = Burst(
            queues=[queue_of()],
            table=self.table,
            runner=cast("Any", SimpleNamespace(running=self.running)),
            unknown=cast("Any", SimpleNamespace(requeued=self.requeued)),
            may_start=lambda: self.budget,
            maybe_idle=self.maybe_idle,
        )
        waiting = asyncio.create_task(burst.until_done(redis))
        self.maybe_idle.set()
        async with in_time(10):
            while self.maybe_idle.is_set():
                await asyncio.sleep(0)
            await asyncio.wait([waiting], timeout=0.1)
        is_done = waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        return is_done


async def test_it_ends_when_no_job_is_left(redis: Redis) -> None:
    assert await Parts().is_done(redis)


@pytest.mark.parametrize("in_hand", ["a queued job", "a lease", "a run"])
async def test_it_waits_for(redis: Redis, in_hand: str) -> None:
    parts = Parts()
    if in_hand == "a queued job":
        await put(redis, "plus", job_id="a", delay_ms=60_000)
    elif in_hand == "a lease":
        parts.table.add(lease_of("a"))
    else:
        parts.running["a"] = object()
    assert not await parts.is_done(redis)
    await redis.flushall()


@pytest.mark.parametrize("why", ["paused", "unknown here", "as many started as allowed"])
async def test_it_does_not_wait_for_a_job_that_is(redis: Redis, why: str) -> None:
    parts = Parts()
    await put(redis, "plus", job_id="a")
    if why == "paused":
        await redis.set(QUEUE.paused, 1)
    elif why == "unknown here":
        parts.requeued[QUEUE.ref] = {b"a", b"of long ago"}
    else:
        parts.budget = 0
    assert await parts.is_done(redis)
    await redis.flushall()


async def test_a_run_is_waited_for_although_no_other_may_start(redis: Redis) -> None:
    parts = Parts()
    parts.budget, parts.running["a"] = 0, object()
    assert not await parts.is_done(redis)


async def test_it_goes_on_while_redis_does_not_answer(redis: Redis) -> None:
    class Away:
        async def zcard(self, _: str) -> int:
            raise ConnectionResetError

    assert not await Parts().is_done(cast("Any", Away()))
