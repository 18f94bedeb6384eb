"""The lifecycle of a worker: what is started before the first claim, and what is written before the last hook."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.workers import read_workers
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.workers.config.settings import Hooks
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import Recorder, make_worker, put, result_of, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


async def test_no_job_is_claimed_before_the_start_up_hook_has_returned(redis: Redis, redis_url: str) -> None:
    started, may_return = asyncio.Event(), asyncio.Event()

    async def startup(ctx: dict[Any, Any]) -> None:
        started.set()
        await may_return.wait()

    await put(redis, jobs.plus, 1, 2, job_id="early")
    events = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, events, hooks=Hooks(startup=startup))):
        async with in_time(10):
            await started.wait()
        await asyncio.sleep(0.3)
        assert not await redis.exists(names.in_progress("early"))
        assert "worker_started" not in events.events
        may_return.set()
        assert (await result_of(redis, "early")).value == 3
    assert events.events[-1] == "worker_stopped"


async def test_the_shut_down_hook_finds_everything_written_and_the_worker_deregistered(
    redis: Redis, redis_url: str
) -> None:
    found: list[object] = []

    async def shutdown(ctx: dict[Any, Any]) -> None:
        found.append(await redis.exists(names.result("ends")))
        found.append(await redis.exists(names.in_progress("stays")))
        found.append(await redis.zcard(DEFAULT_QUEUE))
        found.append(await read_workers(redis, [ARQ_QUEUE]))

    events = Recorder()
    worker = make_worker(redis_url, jobs.ALL, events, hooks=Hooks(shutdown=shutdown), grace_s=0.5)
    async with running(worker):
        await put(redis, jobs.wait, 30, job_id="stays")
        await put(redis, jobs.wait, 0.3, job_id="ends")
        await events.until("job_started", 2)
        assert not worker.is_drained
    assert found == [1, 0, 1, []]
    assert worker.is_drained
    assert worker.interrupted_runs


async def test_a_start_up_hook_that_raises_ends_the_worker_and_shuts_nothing_down(redis_url: str) -> None:
    called: list[str] = []

    async def startup(ctx: dict[Any, Any]) -> None:
        raise RuntimeError("no database")

    async def shutdown(ctx: dict[Any, Any]) -> None:
        called.append("shutdown")

    events = Recorder()
    worker = make_worker(redis_url, jobs.ALL, events, hooks=Hooks(startup=startup, shutdown=shutdown))
    with pytest.raises(RuntimeError, match="no database"):
        async with in_time(10):
            await worker.run()
    assert called == []
    assert "worker_started" not in events.events
