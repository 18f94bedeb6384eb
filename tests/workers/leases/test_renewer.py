"""The leases of a worker are renewed, each for itself, and never for longer than in Redis."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq import worker_session
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.renew import BATCH, renew
from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.connection import UrlSource
from monarq.workers.leases.renewer import LeaseRenewer
from monarq.workers.leases.table import LeaseTable
from tests.support.formats import OF_ARQ
from tests.support.queues import session_of
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, put
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

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
    """When each call that renews was made and how many leases it was for, and which leases were reported as lost."""

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
    monkeypatch.setattr(worker_session, "renew", made.renew)
    return made


def make_renewer(
    redis_url: str, renewals: Renewals, held: Sequence[Lease], record: Callable[[], bytes] = bytes
) -> LeaseRenewer:
    """A renewer of these leases."""
    table = LeaseTable([keys.ref for keys in QUEUES])
    for lease in held:
        table.add(lease)
    return LeaseRenewer(
        sessions=[session_of(*QUEUES, worker_id=WORKER, table=table, lease_s=LEASE_S)],
        table=table,
        lease_s=LEASE_S,
        source=UrlSource(redis_url),
        record=record,
        on_lost=renewals.on_lost,
        events=Recorder(),
    )


@asynccontextmanager
async def keeping(redis_url: str, renewals: Renewals, held: Sequence[Lease]) -> AsyncIterator[None]:
    """A renewer of these leases that has reported those that are lost."""
    renewer = make_renewer(redis_url, renewals, held)
    renewer.start()
    async with in_time(10):
        await renewals.told.wait()
        yield
        await renewer.stop()


async def test_lost_leases_are_reported_and_kept_ones_expire_no_later_than_in_redis(
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

    renewer = make_renewer(redis_url, renewals, [], record)
    renewer.start()
    async with in_time(10):
        await begun.wait()
        stopping = asyncio.create_task(renewer.stop())
        await asyncio.sleep(0)
        assert not stopping.done()  # or the worker's record would be written again after it was deleted
        may_go_on.set()
        await stopping
        await renewer.stop()
    assert renewals.sizes == [0, 0]


async def test_one_that_was_not_started_has_stopped(redis_url: str, renewals: Renewals) -> None:
    async with in_time(10):
        await make_renewer(redis_url, renewals, []).stop()
