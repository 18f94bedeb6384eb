"""The context of a job in each lane: its fields, its producer, and the wish that it stops."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import Context, SyncContext, current_context, job
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.job import Job
from tests.support.formats import current_queue
from tests.support.workers import Recorder, make_worker, put, result_of, run_burst, running
from tests.workers.contexts import context_jobs as jobs

LANES = pytest.mark.parametrize(
    ("job", "kind", "lane", "has_deadline"),
    [
        (jobs.told_on_loop, "Context", "io", True),
        (jobs.told_in_thread, "SyncContext", "thread", True),
        (jobs.told_in_child, "SyncContext", "cpu", True),
        (jobs.without_on_loop, "Context", "io", False),
        (jobs.without_in_thread, "SyncContext", "thread", True),
        (jobs.without_in_child, "SyncContext", "cpu", True),
    ],
    ids=lambda value: getattr(value, "name", None),
)


@LANES
async def test_a_context_knows_its_run_in_each_lane_whether_or_not_the_job_takes_it(
    redis: Redis, redis_url: str, job: Job[..., Any], kind: str, lane: str, has_deadline: bool
) -> None:
    before_s = time.time()
    await put(redis, job, job_id="one")
    worker = await run_burst(redis_url, jobs.ALL)
    told = (await result_of(redis, "one")).value
    name, job_id, job_name, job_try, crashes, queue, seen_lane, enqueued_s, left_s, headers, worker_id, stops = told
    assert (name, job_id, job_name, job_try, crashes) == (kind, "one", job.name, 1, 0)
    assert (queue, seen_lane, headers, worker_id, stops) == (current_queue().name, lane, {}, worker.worker_id, False)
    assert before_s - 1 <= enqueued_s <= time.time()
    assert (left_s is not None) is has_deadline
    assert left_s is None or 0 < left_s <= 60


@pytest.mark.parametrize(
    ("job", "expected"),
    [(jobs.enqueue_on_loop, 10), (jobs.enqueue_in_thread, 21), (jobs.enqueue_in_child, 4)],
    ids=["io", "thread", "cpu"],
)
async def test_a_job_enqueues_others_and_waits_for_them(
    redis: Redis, redis_url: str, job: Job[..., Any], expected: int
) -> None:
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        for number in range(3):
            await put(redis, job, current_queue().name, job_id=str(number))
        assert [(await result_of(redis, str(number))).value for number in range(3)] == [expected] * 3


@pytest.mark.parametrize(
    "job", [jobs.stop_on_loop, jobs.stop_in_thread, jobs.stop_in_child], ids=["io", "thread", "cpu"]
)
async def test_a_job_sees_that_its_worker_stops_and_may_end_early(
    redis: Redis, redis_url: str, job: Job[..., Any]
) -> None:
    recorder = Recorder()
    await put(redis, job, job_id="long")
    async with running(make_worker(redis_url, jobs.ALL, recorder, grace_s=60.0)):
        await recorder.until("job_started")
    assert (await result_of(redis, "long")).value is True
    assert "job_handed_back" not in recorder.events


def test_outside_of_jobs_there_is_no_context_and_one_of_a_test_has_no_producer() -> None:
    assert current_context() is None
    with pytest.raises(RuntimeError, match="without a worker"):
        _ = Context().producer
    assert Context(job_try=2, headers={"a": "b"}).headers == {"a": "b"}
    assert SyncContext().should_stop is False


def test_each_kind_of_job_takes_the_context_of_its_lane() -> None:
    with pytest.raises(DeclarationError, match=r"test_contexts.py:\d+: a plain def job takes a SyncContext"):

        @job(lane="thread")
        def plain(ctx: Context) -> None: ...

    with pytest.raises(DeclarationError, match=r"test_contexts.py:\d+: an async def job takes a Context"):

        @job
        async def awaited(ctx: SyncContext) -> None: ...
