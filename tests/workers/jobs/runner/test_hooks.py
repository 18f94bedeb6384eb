"""Hooks that raise, or during which a lease is lost, do not harm the job."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.workers.config.settings import Hooks
from tests.support.formats import ARQ_ALONE, ON_BOTH, current_queue
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, make_worker, put, result_of, run_burst, running
from tests.workers.support import worker_jobs as jobs

pytestmark = ON_BOTH


@ARQ_ALONE
@pytest.mark.parametrize("kind", [ValueError, SystemExit, asyncio.CancelledError])
async def test_a_hook_that_raises_keeps_no_end_from_being_recorded(
    redis: Redis, redis_url: str, kind: type[BaseException]
) -> None:
    async def hook(_ctx: dict[Any, Any]) -> None:
        raise kind

    recorder = Recorder()
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    await run_burst(redis_url, jobs.ALL, recorder, hooks=Hooks(job_end=hook, after_job_end=hook))
    assert (await result_of(redis, "sum")).value == 3
    assert recorder.events.count("hook_failed") == 2
    assert not await redis.exists(QUEUE.history("sum"))


async def test_a_lease_that_is_lost_after_the_end_does_not_cancel_the_hook(redis: Redis, redis_url: str) -> None:
    """The renewer asked for the lease while its job ended, and hears that it is gone."""
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def hook(_ctx: dict[Any, Any]) -> None:
        await may_end.wait()
        ended.set()

    await put(redis, jobs.wait, 0.2, job_id="done")
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder, hooks=Hooks(after_job_end=hook))) as worker:
        await recorder.until("job_started")
        components = worker._lifecycle.components
        assert components
        [lease] = components.table.of_queue(current_queue())
        await recorder.until("job_succeeded")
        await components.acker.flush()
        components.runner.cancel_lost([lease])
        await asyncio.sleep(0)
        may_end.set()
        async with in_time(5):
            await ended.wait()
