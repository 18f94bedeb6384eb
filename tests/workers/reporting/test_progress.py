"""The progress reporter sends the newest report of each run in few calls, and the last one before the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.jobs.progress import read_progress
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.connection import open_redis
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.reporting import progress as unit
from monarq.workers.reporting.progress import ProgressReporter
from tests.progress.subscriber import hearing
from tests.support.cancelling import end
from tests.support.formats import OF_ARQ
from tests.support.proxy import Proxy
from tests.support.queues import queues_of
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, put

pytestmark = OF_ARQ

WORKER = "worker"
OTHER = QueueKeys.of("other")


async def leases_of(redis: Redis, *job_ids: str, queue: QueueKeys = QUEUE) -> list[Lease]:
    """Jobs that the worker holds."""
    for job_id in job_ids:
        await put(redis, "count", job_id=job_id, queue=queue)
    asked = Claim(WORKER, f"token of {queue.queue}", "io", 60_000, len(job_ids), 1000)
    leases = {lease.job_id: lease for lease in (await claim(redis, queue, asked)).leases}
    return [leases[job_id] for job_id in job_ids]


@asynccontextmanager
async def reporting(redis: Redis, events: Dispatcher | None = None) -> AsyncIterator[ProgressReporter]:
    """A reporter at work."""
    reporter = ProgressReporter(
        redis=redis, queues=queues_of(QUEUE, OTHER, worker_id=WORKER), events=events or Recorder()
    )
    task = asyncio.create_task(reporter.run())
    try:
        yield reporter
    finally:
        await end(task)


async def told(redis: Redis, job_id: str, queue: QueueKeys = QUEUE) -> float | None:
    """How much is done of a job, as monitors read it."""
    [progress] = await read_progress(redis, queue, [job_id])
    return None if progress is None else progress.done


async def until_told(redis: Redis, job_id: str, done: float) -> None:
    async with in_time(10):
        while await told(redis, job_id) != done:
            await asyncio.sleep(0.005)


async def test_a_report_is_sent_while_the_job_runs(redis: Redis) -> None:
    [lease] = await leases_of(redis, "a")
    async with reporting(redis) as reporter:
        progress = reporter.open(lease)
        for done in (1, 2):
            progress.progress(done, 2)
            await until_told(redis, "a", done)
    assert 0 < await redis.pttl(QUEUE.progress("a")) <= unit.KEEP_S * 1000


async def test_a_report_of_another_thread_is_sent(redis: Redis) -> None:
    [lease] = await leases_of(redis, "a")
    async with reporting(redis) as reporter:
        await asyncio.to_thread(reporter.open(lease).progress, 3, 4)
        await until_told(redis, "a", 3)


async def test_what_a_newer_report_replaced_is_not_sent_and_jobs_share_a_call(redis: Redis) -> None:
    leases = await leases_of(redis, "a", "b")
    async with hearing(redis) as heard, reporting(redis) as reporter:
        runs = [reporter.open(lease) for lease in leases]
        for done in range(1, 1001):
            for run in runs:
                run.progress(done)
        await until_told(redis, "a", 1000)
    assert [{job_id: progress.done for job_id, progress in message.items()} for message in heard.messages] == [
        {"a": 1000, "b": 1000}
    ]


async def test_the_last_report_is_seen_before_the_end(redis: Redis) -> None:
    [lease] = await leases_of(redis, "a")
    async with reporting(redis) as reporter:
        progress = reporter.open(lease)
        progress.progress(1, 2)
        await until_told(redis, "a", 1)
        progress.progress(2, 2)
        await reporter.close(progress)
        assert await told(redis, "a") == 2
        progress.progress(3, 2)
        assert not progress.noted, "the run is over"


async def test_jobs_of_each_queue_are_told_to_it(redis: Redis) -> None:
    [one], [other] = await leases_of(redis, "a"), await leases_of(redis, "b", queue=OTHER)
    async with reporting(redis) as reporter:
        runs = [reporter.open(lease) for lease in (one, other)]
        for done, progress in enumerate(runs, start=1):
            progress.progress(done)
        for progress in runs:
            await reporter.close(progress)
    assert (await told(redis, "a"), await told(redis, "b", OTHER)) == (1, 2)


async def test_the_end_of_a_run_that_reported_nothing_waits_for_nothing(redis: Redis) -> None:
    [lease] = await leases_of(redis, "a")
    reporter = ProgressReporter(redis=redis, queues=queues_of(QUEUE, OTHER, worker_id=WORKER), events=Recorder())
    closing = asyncio.create_task(reporter.close(reporter.open(lease)))
    await asyncio.sleep(0)
    assert closing.done()


@pytest.mark.parametrize(("wait_s", "is_cancelled"), [(0.02, False), (60.0, True)], ids=["too slow", "cancelled"])
async def test_an_end_goes_on_though_its_last_report_is_not_sent(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, wait_s: float, is_cancelled: bool
) -> None:
    """No `run` sends it here, as where Redis does not answer."""
    monkeypatch.setattr(unit, "LAST_WAIT_S", wait_s)
    [lease] = await leases_of(redis, "a")
    reporter = ProgressReporter(redis=redis, queues=queues_of(QUEUE, OTHER, worker_id=WORKER), events=Recorder())
    progress = reporter.open(lease)
    progress.progress(1, 2)
    closing = asyncio.create_task(reporter.close(progress))
    await asyncio.sleep(0)
    if is_cancelled:
        closing.cancel()
    async with in_time(5):
        await closing
    assert await told(redis, "a") is None


async def test_what_could_not_be_sent_is_sent_when_redis_answers_again(redis: Redis, proxy: Proxy) -> None:
    [lease] = await leases_of(redis, "a")
    recorder = Recorder()
    async with open_redis(proxy.url) as client, reporting(client, recorder) as reporter:
        proxy.lose(Cut.REQUEST, QUEUE.base.encode(), times=2)
        reporter.open(lease).progress(1, 2)
        await until_told(redis, "a", 1)
        await recorder.until("redis_back")
    assert recorder.events == ["redis_lost", "redis_back"]
    assert proxy.lost == 2


async def test_an_older_report_of_a_running_job_is_kept_and_that_of_an_ended_one_is_not(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "KEEP_S", 1.0)
    running, ended = await leases_of(redis, "running", "ended")
    async with reporting(redis) as reporter:
        reporter.open(running).progress(1)
        over = reporter.open(ended)
        over.progress(1)
        await reporter.close(over)
        await until_told(redis, "running", 1)
        async with in_time(10):
            while await told(redis, "ended") is not None:
                await asyncio.sleep(0.01)
        assert await told(redis, "running") == 1
