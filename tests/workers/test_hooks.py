"""What goes wrong with hooks, or comes between, is not the job's loss."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.workers.config.settings import Hooks
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, make_worker, put, result_of, run_burst, running
from tests.workers import engine_jobs as jobs


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


async def test_loss_that_is_told_after_the_end_leaves_the_hook_alone(redis: Redis, redis_url: str) -> None:
    """The keeper asked for the lease while its job ended, and hears that it is gone."""
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
        [lease] = components.table.of(QUEUE.queue)
        await recorder.until("job_completed")
        await components.acker.flush()
        components.runner.lose([lease])
        await asyncio.sleep(0)
        may_end.set()
        async with in_time(5):
            await ended.wait()
