"""What a worker holds, and how its leases are renewed: each for itself, and never for longer than Redis keeps it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import Claim, Lease, claim
from monarq.shared.commands.workers.renew import BATCH, renew
from monarq.shared.redis import keys as names
from monarq.shared.redis.connection import UrlSource
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.leases import keeper as leases
from monarq.workers.leases.keeper import LeaseKeeper, LeaseTable
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, put
from tests.workers import engine_jobs as jobs

QUEUES = [QUEUE, QueueKeys.of("other")]
WORKER = "host:1:holder"
LEASE_S = 60.0


async def claimed(redis: Redis, *job_ids: str) -> list[Lease]:
    """The leases of these jobs, which are enqueued for that."""
    for job_id in job_ids:
        await put(redis, jobs.plus, 1, 2, job_id=job_id)
    asked = Claim(worker=WORKER, token="t", lane_queue="io", lease_ms=60_000, limit=len(job_ids), max_payload=1000)
    return (await claim(redis, QUEUE, asked)).leases


class Renewals:
    """When each call that renews was made and how many leases it was for, and of which leases was told as lost."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []
        self.sizes: list[int] = []
        self.lost: list[list[Lease]] = []
        self.told = asyncio.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def renew(self, *asked: Any) -> list[bytes]:
        self.asked_s.append(time.monotonic())
        self.sizes.append(len(asked[-1]))
        return renew(*asked)

    def on_lost(self, lost: list[Lease]) -> None:
        self.lost.append(lost)
        self.told.set()


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> Renewals:
    made = Renewals()
    monkeypatch.setattr(leases, "renew", made.renew)
    return made


def make_keeper(
    redis_url: str, renewals: Renewals, held: Sequence[Lease], record: Callable[[], bytes] = bytes
) -> LeaseKeeper:
    """A keeper of these leases."""
    table = LeaseTable(QUEUES)
    for lease in held:
        table.add(lease)
    return LeaseKeeper(
        worker_id=WORKER,
        queues=QUEUES,
        table=table,
        lease_s=LEASE_S,
        open_redis=UrlSource(redis_url).blocking_client,
        record=record,
        on_lost=renewals.on_lost,
        events=Recorder(),
    )


@asynccontextmanager
async def keeping(redis_url: str, renewals: Renewals, held: Sequence[Lease]) -> AsyncIterator[None]:
    """A keeper of these leases that has told of those that are lost."""
    keeper = make_keeper(redis_url, renewals, held)
    keeper.start()
    async with in_time(10):
        await renewals.told.wait()
        yield
        await keeper.stop()


async def test_the_end_of_an_older_lease_leaves_the_newer_one_of_the_same_job(redis: Redis) -> None:
    [older] = await claimed(redis, "again")
    newer, table = replace(older, token="newer"), LeaseTable([QUEUE])
    table.add(older)
    table.add(newer)
    table.drop(older)
    assert (table.holds(older), table.holds(newer), len(table)) == (False, True, 1)
    table.drop(newer)
    assert len(table) == 0
    await redis.flushall()


async def test_what_is_lost_is_told_and_what_is_kept_ends_no_later_than_in_redis(
    redis: Redis, redis_url: str, renewals: Renewals
) -> None:
    kept, taken = await claimed(redis, "kept", "taken")
    await redis.set(names.in_progress("taken"), "somebody else", px=60_000)
    async with keeping(redis_url, renewals, [kept, taken]):
        assert renewals.lost == [[taken]]
        assert kept.ends_s <= renewals.asked_s[0] + LEASE_S
    await redis.flushall()


async def test_each_of_many_leases_of_each_queue_is_renewed(redis: Redis, redis_url: str, renewals: Renewals) -> None:
    [lease] = await claimed(redis, "one")
    nobodys = [replace(lease, raw_id=b"%d" % number) for number in range(BATCH)]
    async with keeping(redis_url, renewals, [*nobodys, lease]):
        pass
    assert renewals.sizes == [BATCH, 1, 0]
    await redis.flushall()


async def test_it_has_stopped_when_nothing_more_is_written(redis_url: str, renewals: Renewals) -> None:
    loop, begun, may_go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def record() -> bytes:
        loop.call_soon_threadsafe(begun.set)
        may_go_on.wait()
        return b""

    keeper = make_keeper(redis_url, renewals, [], record)
    keeper.start()
    async with in_time(10):
        await begun.wait()
        stopping = asyncio.create_task(keeper.stop())
        await asyncio.sleep(0)
        assert not stopping.done()  # or the worker's record would be written again after it was deleted
        may_go_on.set()
        await stopping
        await keeper.stop()
    assert renewals.sizes == [0, 0]


async def test_one_that_was_not_started_has_stopped(redis_url: str, renewals: Renewals) -> None:
    async with in_time(10):
        await make_keeper(redis_url, renewals, []).stop()
