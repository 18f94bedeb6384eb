"""Progress of jobs by their handles; the worker is a manual one, so that reports come when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import Handle, Producer, SyncProducer
from monarq.shared.errors import ProducerClosedError
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.payloads.progress import Progress, ProgressReport
from monarq.shared.payloads.progress_codec import encode_report
from monarq.shared.protocol.lease import Lease
from tests.progress.jobs import step_through
from tests.support.formats import ARQ_ALONE, ON_BOTH, current_name
from tests.support.manual_worker import ManualWorker
from tests.support.slowness import in_time

pytestmark = ON_BOTH


async def tell(worker: ManualWorker, *reports: tuple[Lease, ProgressReport]) -> None:
    told = [(lease, encode_report(report)) for lease, report in reports]
    await worker.report(told)


async def begin(producer: Producer, worker: ManualWorker) -> tuple[Handle[Any], Lease]:
    """A job that runs."""
    handle = await producer.enqueue(step_through, 1, 0.0)
    [lease] = await worker.claim()
    return handle, lease


async def take(watching: AsyncIterator[Progress]) -> ProgressReport:
    async with in_time(10):
        progress = await anext(watching)
    return (progress.done, progress.total, progress.message)


async def rest(watching: AsyncIterator[Progress]) -> list[float]:
    async with in_time(10):
        return [progress.done async for progress in watching]


async def test_the_last_report_of_a_job_is_known(producer: Producer, worker: ManualWorker) -> None:
    handle, lease = await begin(producer, worker)
    assert await handle.progress() is None
    await tell(worker, (lease, (1, 4, "a quarter")))
    progress = await handle.progress()
    assert progress is not None
    assert (progress.done, progress.total, progress.message, progress.share) == (1, 4, "a quarter", 0.25)
    assert progress.at.utcoffset() is not None


async def test_blocking_callers_know_it_too(redis_url: str, producer: Producer, worker: ManualWorker) -> None:
    handle, lease = await begin(producer, worker)
    await tell(worker, (lease, (1, None, "")))

    def ask() -> Progress | None:
        with SyncProducer(redis_url, queue=current_name()) as blocking:
            return blocking.handle(handle.job_id).progress()

    progress = await asyncio.to_thread(ask)
    assert progress is not None
    assert (progress.done, progress.share) == (1, None)


async def test_a_watch_begins_with_the_last_goes_on_with_each_and_ends_with_the_job(
    producer: Producer, worker: ManualWorker
) -> None:
    handle, lease = await begin(producer, worker)
    await tell(worker, (lease, (1, 3, "before")))
    watching = handle.watch()
    assert await take(watching) == (1, 3, "before")
    await tell(worker, (lease, (2, 3, "")))
    assert await take(watching) == (2, 3, "")
    await tell(worker, (lease, (3, 3, "")))
    await worker.end(lease, value=3)
    assert await rest(watching) == [3]


async def test_whoever_is_slow_gets_the_newest(producer: Producer, worker: ManualWorker) -> None:
    handle, lease = await begin(producer, worker)
    watching = handle.watch()
    await tell(worker, (lease, (0, 9, "")))
    assert await take(watching) == (0, 9, "")
    # Another watch hears all of them, so that the slow one has heard them as well.
    other = handle.watch()
    for step in range(1, 10):
        await tell(worker, (lease, (step, 9, "")))
        while (await take(other))[0] < step:
            continue
    assert await take(watching) == (9, 9, "")
    await other.aclose()
    await watching.aclose()


async def test_many_jobs_at_once(producer: Producer, worker: ManualWorker) -> None:
    handles = await producer.enqueue_many(step_through, [(n, 0.0) for n in range(20)])
    leases = {lease.job_id: lease for lease in await worker.claim()}
    watching = producer.watch(handles)
    first = asyncio.ensure_future(anext(watching))
    for step in (1, 2):
        await tell(worker, *((lease, (step, 2, job_id)) for job_id, lease in leases.items()))
    await worker.end(*leases.values(), value=0)
    async with in_time(10):
        told = [await first, *[pair async for pair in watching]]
    assert all(progress.message == handle.job_id for handle, progress in told)
    assert {handle: progress.done for handle, progress in told} == dict.fromkeys(handles, 2)


async def test_what_was_reported_without_a_subscription_is_seen_after_it(
    redis: Redis, producer: Producer, worker: ManualWorker
) -> None:
    handle, lease = await begin(producer, worker)
    watching = handle.watch()
    await tell(worker, (lease, (1, 3, "")))
    assert await take(watching) == (1, 3, "")
    await redis.client_kill_filter(_type="pubsub")
    await tell(worker, (lease, (2, 3, "unheard")))
    assert await take(watching) == (2, 3, "unheard")
    await redis.client_kill_filter(_type="pubsub")
    await tell(worker, (lease, (3, 3, "the last")))
    await worker.end(lease, value=3)
    assert await rest(watching) == [3]


async def test_without_the_channel_the_last_report_is_seen_at_the_end(
    producer: Producer, worker: ManualWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer._listener._subscription, "run", asyncio.Event().wait)
    handle, lease = await begin(producer, worker)
    watching = asyncio.create_task(rest(handle.watch()))
    await tell(worker, (lease, (1, 2, "")))
    await tell(worker, (lease, (2, 2, "")))
    await worker.end(lease, value=3)
    assert await watching == [2]


@pytest.mark.parametrize("success", [True, False])
async def test_a_watch_ends_however_the_job_does(producer: Producer, worker: ManualWorker, success: bool) -> None:
    handle, lease = await begin(producer, worker)
    watching = asyncio.create_task(rest(handle.watch()))
    await asyncio.sleep(0.05)
    await worker.end(lease, value=None if success else ValueError("no"), success=success, keep_ms=-1)
    assert await watching == []


async def test_a_job_that_is_not_there_reports_nothing(producer: Producer) -> None:
    assert await rest(producer.handle("unknown").watch()) == []
    assert [pair async for pair in producer.watch([])] == []


async def test_a_closed_producer_wakes_whoever_watches(redis_url: str, worker: ManualWorker) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        handle, lease = await begin(producer, worker)
        await tell(worker, (lease, (1, 3, "")))
        watching = handle.watch()
        await take(watching)
        waiting = asyncio.create_task(rest(watching))
        await asyncio.sleep(0)
    with pytest.raises(ProducerClosedError):
        await waiting
    with pytest.raises(ProducerClosedError):
        await anext(handle.watch())


async def test_a_function_gets_the_reports_until_it_is_enough(producer: Producer, worker: ManualWorker) -> None:
    handle, lease = await begin(producer, worker)
    await tell(worker, (lease, (1, 4, "")))
    reports: asyncio.Queue[Progress] = asyncio.Queue()
    stop = handle.on_progress(reports.put_nowait)
    watching = handle.watch()
    for done in (1, 2, 3):
        async with in_time(10):
            assert (await reports.get()).done == done
        await take(watching)
        if done < 3:
            await tell(worker, (lease, (done + 1, 4, "")))
    stop()
    await tell(worker, (lease, (4, 4, "")))
    assert await take(watching) == (4, 4, "")
    assert reports.empty()
    await watching.aclose()


@ARQ_ALONE
async def test_nothing_is_polled(redis: Redis, redis_url: str, producer: Producer, worker: ManualWorker) -> None:
    handle, lease = await begin(producer, worker)
    watching = handle.watch()
    key = QueueKeys.of(worker.queue.ref.name).progress(handle.job_id)
    async with redis.monitor() as monitor:
        for step in range(1, 8):
            await tell(worker, (lease, (step, 8, "")))
            assert await take(watching) == (step, 8, "")
            await asyncio.sleep(0.2)
        await worker.end(lease, value=8)
        assert await rest(watching) == []
        await redis.echo("the end")
        asked = 0
        async for command in monitor.listen():
            if command["command"] == "ECHO the end":
                break
            asked += command["client_type"] != "lua" and key in command["command"]
    assert asked <= 2, "one look when the channel is heard, and one at the end"


async def test_a_watch_that_is_left_keeps_nothing(producer: Producer, worker: ManualWorker) -> None:
    handle, lease = await begin(producer, worker)
    await tell(worker, (lease, (1, 3, "")))
    async for _ in handle.watch():
        break
    other = handle.watch()
    await take(other)
    await other.aclose()
    await asyncio.sleep(0.05)
    listener = producer._listener
    assert not any(listener._progress_watchers.values())
    assert not any(listener._result_waiters.values())
