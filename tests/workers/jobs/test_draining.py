"""A worker stops: its jobs end within their grace, or are handed back."""

from __future__ import annotations

import time

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.workers.jobs import draining
from tests.support.cancelling import Moment, at_once, cancel_at_each, is_cancelled, nothing_left_open, when_ready
from tests.support.formats import ARQ_ALONE, ON_BOTH
from tests.support.slowness import patience_s
from tests.support.workers import (
    QUEUE,
    Recorder,
    make_worker,
    put,
    result_of,
    running,
)
from tests.workers.support import worker_jobs as jobs

pytestmark = ON_BOTH


@ARQ_ALONE
async def test_drain_lets_jobs_end_and_hands_back_the_rest(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.wait, 0.3, job_id="short")
    await put(redis, jobs.wait, 30, job_id="long")
    async with running(make_worker(redis_url, jobs.ALL, recorder, grace_s=1.0)) as worker:
        await recorder.until("job_started", 2)
        await put(redis, jobs.plus, 1, 1, job_id="new")
        worker.drain()
    assert (await result_of(redis, "short")).value == "waited"
    assert "job_handed_back" in recorder.events
    assert not await redis.exists(names.in_progress("long"), names.retry("long"), QUEUE.crash("long"))
    assert (await read_counts(redis, QUEUE)).queued >= 1


@ARQ_ALONE
async def test_hand_back_is_immediate(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    for number in range(50):
        await put(redis, jobs.wait, 300, job_id=f"w{number}")
    async with running(make_worker(redis_url, jobs.ALL, recorder, grace_s=600)) as worker:
        await recorder.until("job_started", 50)
        worker.drain()
        started = time.monotonic()
        worker.hand_back()
    assert time.monotonic() - started < patience_s(20)
    seen = await read_counts(redis, QUEUE)
    assert (seen.queued, seen.running) == (50, 0)


@ARQ_ALONE
@pytest.mark.parametrize(("arq_rules", "tries"), [(False, None), (True, b"1")], ids=["no try", "a try by arq's rules"])
async def test_job_that_ignores_its_cancellation_is_handed_back_while_it_runs(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, arq_rules: bool, tries: bytes | None
) -> None:
    monkeypatch.setattr(draining, "CANCEL_GRACE_S", 0.1)
    recorder = Recorder()
    await put(redis, jobs.stubborn, 1.0, job_id="stubborn")
    async with running(make_worker(redis_url, jobs.ALL, recorder, grace_s=0.1, arq_rules=arq_rules)) as worker:
        await recorder.until("job_started")
        worker.drain()
    assert (await read_counts(redis, QUEUE)).queued == 1
    assert await redis.get(names.retry("stubborn")) == tries
    await recorder.until("job_lost")  # when it ends, in a process that has not ended: what it comes to is nobody's
    assert "job_succeeded" not in recorder.events
    assert worker.counters.handed_back == 1


@pytest.mark.parametrize("moment", [at_once, when_ready])
async def test_a_worker_that_is_cancelled_leaves_no_connection_open(redis_url: str, moment: Moment) -> None:
    async def run(at: int) -> bool:
        return await is_cancelled(make_worker(redis_url, [jobs.plus], burst=True).run(), at, moment)

    await run(-1)  # what is opened once for all
    async with nothing_left_open():
        assert await cancel_at_each(run) > 8
