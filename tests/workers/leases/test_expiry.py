"""A worker that is cut off from Redis cancels its runs when their leases expire by its own clock."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from monarq.workers.leases.renewer import LeaseExpiry
from monarq.workers.leases.table import LeaseTable
from monarq.workers.runs.run import CancelReason
from tests.support.formats import OF_ARQ
from tests.support.leases import lease_of
from tests.support.proxy import Proxy
from tests.support.slowness import in_time, patience_s
from tests.support.workers import QUEUE, Recorder, components_of, make_worker, put, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

LEASE_S = 1.2


@pytest.mark.parametrize("job", [jobs.wait, jobs.spin_on], ids=lambda job: job.name)
async def test_a_run_ends_with_its_lease_where_redis_cannot_be_asked(
    redis: Redis, redis_url: str, proxy: Proxy, job: Any
) -> None:
    cut_off, other = Recorder(), Recorder()
    async with running(make_worker(proxy.url, jobs.ALL, cut_off, lease_s=LEASE_S, grace_s=0.1)) as worker:
        await put(redis, job, 60, job_id="long")
        await cut_off.until("job_started")
        proxy.deaf = True
        cut_s = time.monotonic()
        async with running(make_worker(redis_url, jobs.ALL, other, lease_s=LEASE_S, grace_s=0.1)):
            await cut_off.until("job_lost")
            assert time.monotonic() - cut_s < LEASE_S + patience_s(0.3)
            assert (
                len(components_of(worker).table) == 0
            )  # or it would be renewed when Redis is back, and nobody ran the job
            await other.until("job_started")
        await proxy.close()
    await redis.flushall()


class NotedRun:
    """A run that notes when it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    def cancel(self, _: CancelReason) -> None:
        self.cancelled.set()


async def test_a_run_is_cancelled_when_its_lease_expires_and_no_other() -> None:
    now_s = time.monotonic()
    over, goes_on = lease_of("over", ends_s=now_s + 0.05), lease_of("goes on")
    acknowledged = lease_of("in its hook after the end", ends_s=now_s)
    runs, table = {lease: NotedRun() for lease in (acknowledged, goes_on, over)}, LeaseTable([QUEUE.ref])
    table.add(over)
    table.add(goes_on)
    # Its regular look would be in ten minutes.
    minding = asyncio.create_task(LeaseExpiry(running=cast("Any", runs), table=table, lease_s=3600.0).run())
    async with in_time(10):
        await runs[over].cancelled.wait()
    minding.cancel()
    assert time.monotonic() >= over.ends_s
    assert not any(runs[lease].cancelled.is_set() for lease in (acknowledged, goes_on))
    assert table.of_queue(QUEUE.ref) == [goes_on]
