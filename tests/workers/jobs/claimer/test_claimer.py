"""A claimer takes as many jobs as there are free slots, and starts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq import worker_queue
from monarq.shared.protocol.lease import Lease
from monarq.workers.events.outage import SharedOutage
from monarq.workers.jobs import claimer
from monarq.workers.jobs.claimer import Claimer
from monarq.workers.jobs.slots import Slots
from monarq.workers.leases.table import LeaseTable
from tests.support.formats import OF_ARQ
from tests.support.queues import queue_of
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, put

pytestmark = OF_ARQ

WORKER = "host:1:claims"


class Harness:
    """A claimer whose jobs are started by taking their slots, and never end."""

    def __init__(self, redis: Redis, slots: int, budget: int | None = None) -> None:
        self.slots, self.budget = Slots(slots), budget
        self.leases: list[Lease] = []
        self.maybe_idle = asyncio.Event()
        self.changed = asyncio.Event()
        self.redis, self.queue = redis, queue_of(QUEUE, WORKER)
        self.claimer = Claimer(
            redis=redis,
            queue=self.queue,
            lane_queue="io",
            slots=self.slots,
            turn=self.slots.turn,
            poll_s=0.05,
            last_chance=None,
            start=self.start,
            table=LeaseTable([QUEUE.ref]),
            may_start=lambda: self.budget,
            maybe_idle=self.maybe_idle,
            events=Recorder(),
            outage=SharedOutage(Recorder(), "claiming"),
        )

    def start(self, leases: Sequence[Lease]) -> None:
        for _ in leases:
            self.slots.take()
        self.leases += leases
        if self.budget is not None:
            self.budget -= len(leases)
        self.changed.set()

    async def until(self, count: int) -> None:
        """Waits until so many jobs have been started."""
        async with in_time(10):
            while len(self.leases) < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def claiming(harness: Harness) -> AsyncIterator[None]:
    task = asyncio.create_task(harness.claimer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await harness.queue.release_unconfirmed(harness.redis)


async def put_many(redis: Redis, count: int) -> None:
    for number in range(count):
        await put(redis, "plus", number, 1, job_id=f"job-{number:03}")


@pytest.mark.parametrize(("slots", "budget", "started"), [(3, None, 3), (8, 2, 2)], ids=["its slots", "its budget"])
async def test_it_claims_no_more_than(redis: Redis, slots: int, budget: int | None, started: int) -> None:
    await put_many(redis, 8)
    harness = Harness(redis, slots, budget)
    async with claiming(harness):
        await harness.until(started)
        # Nor does it claim again: it waits for a slot, or says that it has nothing to do.
        if budget is not None:
            async with in_time(10):
                await harness.maybe_idle.wait()
    assert harness.slots.freed.is_set() == (slots > started)
    assert [lease.job_id for lease in harness.leases] == [f"job-{number:03}" for number in range(started)]
    assert len(await redis.keys(names.in_progress("*"))) == started
    await redis.flushall()


async def test_one_claim_is_not_for_all_slots(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claimer, "MAX_CLAIM", 10)
    await put_many(redis, 25)
    harness = Harness(redis, 100)
    async with claiming(harness):
        await harness.until(25)
    assert len({lease.token for lease in harness.leases}) == 3
    await redis.flushall()


async def test_a_slot_that_is_freed_is_used(redis: Redis) -> None:
    await put_many(redis, 3)
    harness = Harness(redis, 1)
    async with claiming(harness):
        for count in (1, 2, 3):
            await harness.until(count)
            harness.slots.give()
    assert len({lease.job_id for lease in harness.leases}) == 3
    await redis.flushall()


async def test_it_says_when_it_found_no_job(redis: Redis) -> None:
    harness = Harness(redis, 1)
    async with claiming(harness):
        async with in_time(10):
            await harness.maybe_idle.wait()
        assert harness.leases == []


async def test_idle_time_counts_only_while_a_slot_is_free(redis: Redis) -> None:
    harness = Harness(redis, 1)
    await asyncio.sleep(0.05)
    assert harness.claimer.idle_time().idle_s > 0
    harness.slots.take()
    assert harness.claimer.idle_time().idle_s == 0
    harness.slots.give()
    harness.budget = 0
    await asyncio.sleep(0.05)
    assert harness.claimer.idle_time().idle_s == 0


@pytest.mark.parametrize("answers", [True, False], ids=["in time", "never"])
async def test_what_a_cancelled_claim_has_taken_is_released(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    """The claim has been carried out when its caller is cancelled."""
    taken, real = asyncio.Event(), worker_queue.claim

    async def claim(*args: Any) -> Any:
        claimed = await real(*args)
        if not answers:
            taken.set()
            await asyncio.Event().wait()
        return claimed

    monkeypatch.setattr(worker_queue, "claim", claim)
    await put_many(redis, 1)
    harness = Harness(redis, 1)
    async with claiming(harness):
        if answers:
            await harness.until(1)
        else:
            async with in_time(10):
                await taken.wait()
    assert await redis.exists(names.in_progress("job-000")) == answers
    await redis.flushall()
