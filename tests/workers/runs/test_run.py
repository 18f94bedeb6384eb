"""A run: its cancellation, its times, and that nothing of it is left when it has ended."""

from __future__ import annotations

import asyncio
import gc

import pytest
from redis.asyncio import Redis

from monarq.workers.runs.run import ActiveRun, CancelReason
from tests.support.workers import put, run_burst
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.runs import make_run


async def test_runs_are_gone_without_the_garbage_collector(redis: Redis, redis_url: str) -> None:
    """At thousands of jobs a second rings of objects would cost as much as the jobs."""
    for number in range(50):
        await put(redis, jobs.plus, number, 1, job_id=str(number))
    gc.collect()
    gc.disable()
    try:
        await run_burst(redis_url, jobs.ALL)
        left = sum(type(thing) is ActiveRun for thing in gc.get_objects())
    finally:
        gc.enable()
    assert left == 0


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("has_begun", [True, False])
async def test_the_first_reason_to_cancel_a_run_counts(has_begun: bool) -> None:
    """A task that has not begun is not cancelled: it looks at the reason itself."""
    task = asyncio.create_task(forever())
    run = make_run(jobs.plus, 1, 2, task=task, start_ms=int(has_begun))
    run.cancel(CancelReason.ASKED)
    run.cancel(CancelReason.LOST)
    assert run.cancel_reason is CancelReason.ASKED
    assert task.cancelling() == has_begun
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("has_task", [True, False])
async def test_a_run_that_is_over_or_has_no_task_is_not_cancelled(has_task: bool) -> None:
    task = asyncio.create_task(asyncio.sleep(0)) if has_task else None
    if task is not None:
        await task
    run = make_run(jobs.plus, 1, 2, task=task, start_ms=1)
    run.cancel(CancelReason.ASKED)
    assert run.cancel_reason is None


def test_its_times_and_tries() -> None:
    run = make_run(jobs.plus, 1, 2, job_try=4, crash_tries=1, start_ms=1000, finish_ms=3500)
    assert (run.tries, run.ran_ms, run.seconds) == (3, 2500, 2.5)
    run.finish_ms = 500  # the clock was set back
    assert run.ran_ms == 0
