"""Progress that jobs report, as their worker publishes it, in each lane."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.producer import Producer
from monarq.shared.calls.context import Context
from monarq.shared.errors import JobFailedError
from monarq.shared.formats.arq.worker_queue import ArqWorkerQueue
from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.protocol.queue_ref import Format
from monarq.workers.process.worker import Worker
from monarq.workers.reporting import progress as reporting
from tests.progress import jobs
from tests.progress.subscriber import hearing
from tests.support.formats import ARQ_ALONE
from tests.support.pool import pool
from tests.support.slowness import in_time, patience_s
from tests.support.workers import QUEUE, Recorder, make_worker, running

WORKER_QUEUES: Final[tuple[Any, ...]] = (NativeWorkerQueue, ArqWorkerQueue)
LANES = [jobs.count_fast, jobs.count_fast_in_child, jobs.count_fast_in_thread]


@pytest.mark.parametrize("job", LANES, ids=lambda job: job.name)
async def test_ten_writes_a_second_and_the_last_one_always(
    redis: Redis, producer: Producer, worker: Worker, queue_format: Format, job: Any
) -> None:
    async with hearing(redis) as heard:
        handle = await producer.enqueue(job, 1.5)
        count = await handle.result(timeout=patience_s(30))
    told = heard.of(handle.job_id)
    assert count > 20_000, "a million reports take a second or a few, not minutes"
    assert 3 <= len(told) <= count
    assert heard.most_in_a_second(handle.job_id) <= 10
    assert [progress.done for progress in told] == sorted({progress.done for progress in told})
    assert (told[-1].done, told[-1].message) == (count, "counting")
    if queue_format == "arq":  # a native queue keeps it as long as its job
        assert await handle.progress() == told[-1]


async def test_reports_of_the_same_moment_go_in_one_call(redis: Redis, producer: Producer, worker: Worker) -> None:
    async with hearing(redis) as heard:
        handles = await producer.enqueue_many(jobs.tell_once, [(n, 50, f"job {n}") for n in range(50)])
        for handle in handles:
            await handle.result(timeout=patience_s(30))
    assert len(heard.messages) <= 10
    for number, handle in enumerate(handles):
        [*_, last] = heard.of(handle.job_id)
        assert (last.done, last.total, last.message) == (number, 50, f"job {number}")


@ARQ_ALONE
async def test_it_is_kept_while_the_job_runs_and_for_a_while_after(
    redis: Redis, redis_url: str, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "KEEP_S", 1.0)
    async with running(make_worker(redis_url, jobs.ALL)):
        handle = await producer.enqueue(jobs.tell_and_wait, 3)
        first = await anext(handle.watch())
        await asyncio.sleep(2.1)
        assert await handle.progress() == first, "it told once, more than twice its time ago"
        await handle.result(timeout=patience_s(10))
        async with in_time(10):
            while await handle.progress() is not None:
                await asyncio.sleep(0.05)


async def test_reports_of_a_computing_job_are_seen_while_it_computes(producer: Producer, worker: Worker) -> None:
    handle = await producer.enqueue(jobs.tell_then_compute, 1.5)
    async for progress in handle.watch():
        if progress.message == "computing":
            assert await handle.state() == "running"
            break
    else:
        pytest.fail("it ended, and nobody had seen that it computes")
    await handle.result(timeout=patience_s(10))


async def test_threads_of_a_cpu_job_report_and_its_forks_do_not(
    redis: Redis, producer: Producer, worker: Worker
) -> None:
    async with hearing(redis) as heard:
        handle = await producer.enqueue(jobs.tell_from_everywhere)
        assert await handle.result(timeout=patience_s(20)) == [0, 0]
    assert heard.of(handle.job_id)[-1].message == "from a thread"
    assert not any(progress.message == "from a fork" for progress in heard.of(handle.job_id))


async def test_a_thread_that_a_job_left_behind_does_not_report_for_the_next(
    redis: Redis, producer: Producer, worker: Worker
) -> None:
    async with hearing(redis) as heard:
        first = await producer.enqueue(jobs.leave_a_teller)
        await first.result(timeout=patience_s(20))
        second = await producer.enqueue(jobs.tell_then_compute, 0.5)
        await second.result(timeout=patience_s(20))
    assert {progress.message for progress in heard.of(second.job_id)} <= {"begun", "computing"}
    assert len(heard.of(second.job_id)) >= 1


async def test_a_wrong_argument_is_an_error_of_the_job(producer: Producer, worker: Worker) -> None:
    handle = await producer.enqueue(jobs.tell_nonsense)
    with pytest.raises((TypeError, JobFailedError), match=r"progress\(\) takes a number as done, not 'much'"):
        await handle.result(timeout=patience_s(10))


async def test_a_job_that_only_counts_lets_others_run(producer: Producer, worker: Worker) -> None:
    counting = await producer.enqueue(jobs.count_fast, 3)
    await anext(counting.watch())
    other = await producer.enqueue(jobs.tell_once, 1, 1, "in between")
    assert await other.result(timeout=patience_s(20)) == "in between"
    assert await counting.state() == "running"
    await counting.cancel(timeout=patience_s(10))


async def test_redis_trouble_fails_no_job_and_reports_come_when_it_is_over(
    redis: Redis, redis_url: str, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[float] = []
    real = {queue: queue.report_progress for queue in WORKER_QUEUES}

    async def tell(queue: Any, *args: Any) -> list[bytes]:
        calls.append(time.monotonic())
        if len(calls) <= 3:
            raise RedisConnectionError("cut")
        return await real[type(queue)](queue, *args)

    for queue in WORKER_QUEUES:
        monkeypatch.setattr(queue, "report_progress", tell)
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        waiting = await producer.enqueue(jobs.tell_and_wait, 3)
        progress = await anext(waiting.watch())
        assert progress.message == "waiting"
        await waiting.result(timeout=patience_s(10))
    assert len(calls) >= 4
    assert recorder.events.count("redis_lost") == recorder.events.count("redis_back") == 1


async def test_a_redis_that_does_not_answer_holds_no_end_up_for_long(
    redis: Redis, redis_url: str, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*args: Any) -> list[bytes]:
        await asyncio.Event().wait()
        return []

    for queue in WORKER_QUEUES:
        monkeypatch.setattr(queue, "report_progress", hang)
    monkeypatch.setattr(reporting, "LAST_WAIT_S", 0.3)
    async with running(make_worker(redis_url, jobs.ALL)):
        handles = await producer.enqueue_many(jobs.tell_once, [(n, 3, "told") for n in range(3)])
        for handle in handles:
            assert await handle.result(timeout=patience_s(5)) == "told"


async def test_a_cancellation_while_the_last_report_is_sent_does_not_undo_the_end(
    redis: Redis, redis_url: str, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = asyncio.Event()

    async def hang(*args: Any) -> list[bytes]:
        sending.set()
        await asyncio.Event().wait()
        return []

    for queue in WORKER_QUEUES:
        monkeypatch.setattr(queue, "report_progress", hang)
    monkeypatch.setattr(reporting, "LAST_WAIT_S", 20.0)
    async with running(make_worker(redis_url, jobs.ALL)):
        handle = await producer.enqueue(jobs.tell_once, 1, 1, "told")
        await sending.wait()
        assert await handle.cancel(timeout=patience_s(10)) is False
        assert await handle.result() == "told"


@ARQ_ALONE
@pytest.mark.parametrize("job", [jobs.step_through, jobs.count_fast_in_child], ids=lambda job: job.name)
async def test_real_workers_report(redis: Redis, redis_url: str, producer: Producer, job: Any) -> None:
    async with pool("tests.progress.jobs", url=redis_url, workers=1):
        handle = await producer.enqueue(job, 5, 0.1) if job is jobs.step_through else await producer.enqueue(job, 0.5)
        told = [progress.done async for progress in handle.watch()]
        assert told[-1] == await handle.result(timeout=patience_s(10))
        assert 0 < await redis.pttl(QUEUE.progress(handle.job_id)) <= 60_000


async def test_a_context_that_no_worker_has_made_reports_to_nobody() -> None:
    context = Context(job_try=2)
    assert (context.job_try, context.resources, context.enqueued_at.tzinfo) == (2, {}, UTC)
    await context.progress(1, 2, "told")
    context.progress(1)
    with pytest.raises(TypeError, match="takes text as its message, not 3"):
        context.progress(1, 2, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes a number as total, not 'two'"):
        context.progress(1, "two")  # type: ignore[arg-type]
