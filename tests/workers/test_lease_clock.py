"""A worker that is cut off from Redis stops its runs when their leases end by its own clock."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import Claim, Claimed, claim
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.jobs import claimer
from monarq.workers.leases.expiry import LeaseExpiry
from monarq.workers.leases.keeper import LeaseTable
from monarq.workers.runs.run import CancelReason
from tests.support.leases import lease_of
from tests.support.proxy import Proxy
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, components_of, make_worker, put, result_of, running
from tests.workers import engine_jobs as jobs

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
            assert time.monotonic() - cut_s < LEASE_S + 0.3
            assert (
                len(components_of(worker).table) == 0
            )  # or it would be renewed when Redis is back, and nobody ran the job
            await other.until("job_started")
        await proxy.close()
    await redis.flushall()


class NotedRun:
    """A run that notes when it is stopped."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    def stop(self, _: CancelReason) -> None:
        self.stopped.set()


async def test_a_run_is_stopped_as_its_lease_ends_and_no_other() -> None:
    now_s = time.monotonic()
    over, goes_on = lease_of("over", ends_s=now_s + 0.05), lease_of("goes on")
    acknowledged = lease_of("in its hook after the end", ends_s=now_s)
    runs, table = {lease: NotedRun() for lease in (acknowledged, goes_on, over)}, LeaseTable([QUEUE])
    table.add(over)
    table.add(goes_on)
    # Its regular look would be in ten minutes.
    minding = asyncio.create_task(LeaseExpiry(running=cast("Any", runs), table=table, lease_s=3600.0).run())
    async with in_time(10):
        await runs[over].stopped.wait()
    minding.cancel()
    assert time.monotonic() >= over.ends_s
    assert not any(runs[lease].stopped.is_set() for lease in (acknowledged, goes_on))
    assert table.of(QUEUE.queue) == [goes_on]


async def test_a_claim_whose_reply_comes_after_its_leases_starts_nothing(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays_s = [0.5]

    async def claim_late(client: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
        claimed = await claim(client, keys, asked)
        if claimed.leases and delays_s:
            await asyncio.sleep(delays_s.pop())
        return claimed

    monkeypatch.setattr(claimer, "claim", claim_late)
    recorder = Recorder()
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    async with running(make_worker(redis_url, jobs.ALL, recorder, lease_s=0.4)):
        assert (await result_of(redis, "sum")).value == 3
    assert not delays_s
    assert (recorder.events.count("job_started"), recorder.events.count("job_lost")) == (1, 0)


async def test_a_lease_is_counted_from_before_it_was_asked_for(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis has counted from some moment before the reply: whoever counts from there runs on when it is over."""
    lease_s = 60.0
    asked_s: list[float] = []

    async def claim_slowly(client: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
        asked_s.append(time.monotonic())
        claimed = await claim(client, keys, asked)
        await asyncio.sleep(0.1)
        return claimed

    monkeypatch.setattr(claimer, "claim", claim_slowly)
    recorder = Recorder()
    await put(redis, jobs.wait, 60, job_id="long")
    async with running(make_worker(redis_url, [jobs.wait], recorder, lease_s=lease_s, grace_s=0.0)) as worker:
        await recorder.until("job_started")
        [run] = worker.runs
        assert run.lease.ends_s <= asked_s[0] + lease_s
    await redis.flushall()
