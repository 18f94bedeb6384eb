"""A claim whose reply is lost or late is released at once: its jobs need not wait until its leases expire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut, Rule
from monarq.shared.formats.arq import claim_token, worker_queue
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.lease import Claimed
from tests.support.formats import OF_ARQ
from tests.support.proxy import Proxy
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, make_worker, put, result_of, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

LONG_S = 60.0
FROM_IO = b"\r\nio\r\n"
RELEASE = ArqScript.load("jobs/release_claim").sha.encode()


class LosingProxy(Proxy):
    """Loses the reply of the first claim from the io lane, and says what that claim took."""

    def __init__(self, upstream: str, redis: Redis) -> None:
        super().__init__(upstream)
        self.took: list[str] = []
        self.answered = asyncio.Event()
        self.meanwhile = self._look
        self._redis = redis

    async def _look(self) -> None:
        self.took = [key.decode() for key in await self._redis.keys(names.in_progress("*"))]
        self.answered.set()


@pytest.fixture
async def proxy(redis: Redis, redis_url: str) -> AsyncIterator[LosingProxy]:
    async with running(make_worker(redis_url, jobs.ALL)):  # Redis knows the scripts from here on
        await put(redis, jobs.plus, 1, 1, job_id="first")
        await result_of(redis, "first")
    async with LosingProxy(urlsplit(redis_url).path, redis) as made:
        yield made


@pytest.mark.parametrize("lost_returns", [0, 1], ids=["", "though the first call that gives it back is lost too"])
async def test_the_jobs_of_a_claim_without_a_reply_run_at_once(
    redis: Redis, proxy: LosingProxy, lost_returns: int
) -> None:
    recorder = Recorder()
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    proxy.lose(Cut.REPLY, FROM_IO)
    proxy.rules.append(Rule("release", RELEASE, Cut.REQUEST, left=lost_returns, rests=None))
    async with running(make_worker(proxy.url, jobs.ALL, recorder, lease_s=LONG_S)):
        assert (await result_of(redis, "sum")).value == 3
    assert proxy.took == [names.in_progress("sum")]
    assert proxy.lost == 1 + lost_returns
    assert recorder.events.count("job_started") == 1
    assert not await redis.exists(QUEUE.history("sum"))


async def test_the_jobs_of_a_cancelled_claim_are_free_when_the_worker_has_stopped(
    redis: Redis, proxy: LosingProxy
) -> None:
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    proxy.lose(Cut.SILENCE, FROM_IO)
    async with running(make_worker(proxy.url, jobs.ALL, lease_s=LONG_S)), in_time(10):
        await proxy.answered.wait()
    assert proxy.took == [names.in_progress("sum")]
    assert not await redis.exists(names.in_progress("sum"))
    assert not await redis.exists(QUEUE.history("sum"))
    await redis.flushall()


async def test_the_jobs_of_a_claim_whose_reply_is_late_are_charged_no_crash(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease_s = 1.5
    delays_s = [lease_s]

    async def claim_late(client: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
        if delays_s and asked.lane_queue == "io":
            await asyncio.sleep(delays_s.pop())  # on its way to Redis, whose leases begin only now
        return await claim(client, keys, asked)

    monkeypatch.setattr(worker_queue, "claim", claim_late)
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    async with running(make_worker(redis_url, jobs.ALL, lease_s=lease_s)):
        assert (await result_of(redis, "sum")).value == 3
    assert not delays_s
    assert not await redis.exists(QUEUE.history("sum"))


async def test_no_two_claims_have_one_token(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the same millisecond either: giving one back would give back what the other took."""
    tokens: list[str] = []

    async def claim_and_note(client: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
        tokens.append(asked.token)
        return await claim(client, keys, asked)

    monkeypatch.setattr(worker_queue, "claim", claim_and_note)
    monkeypatch.setattr(claim_token, "time", SimpleNamespace(time_ns=lambda: 1_700_000_000 * 10**9))
    async with running(make_worker(redis_url, jobs.ALL)):
        for number in range(3):
            await put(redis, jobs.plus, number, 1, job_id=str(number))
            await result_of(redis, str(number))
    assert len(tokens) > 3
    assert len(set(tokens)) == len(tokens)


async def test_a_claim_whose_reply_comes_after_its_leases_starts_nothing(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays_s = [0.5]

    async def claim_late(client: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
        claimed = await claim(client, keys, asked)
        if claimed.leases and delays_s:
            await asyncio.sleep(delays_s.pop())
        return claimed

    monkeypatch.setattr(worker_queue, "claim", claim_late)
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

    monkeypatch.setattr(worker_queue, "claim", claim_slowly)
    recorder = Recorder()
    await put(redis, jobs.wait, 60, job_id="long")
    async with running(make_worker(redis_url, [jobs.wait], recorder, lease_s=lease_s, grace_s=0.0)) as worker:
        await recorder.until("job_started")
        [run] = worker.runs
        assert run.lease.ends_s <= asked_s[0] + lease_s
    await redis.flushall()
