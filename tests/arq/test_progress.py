"""Progress of arq's jobs: they report it by ctx["progress"], and it is seen wherever other jobs' progress is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import arq
import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.workers.jobs.runner import Runner
from monarq.workers.runs.outcome import Failed
from monarq.workers.runs.run import ActiveRun
from tests.arq import app
from tests.arq.workers import burst, ours, running, theirs
from tests.monitor.web.site import page
from tests.progress.subscriber import hearing
from tests.support.formats import current_name
from tests.support.pool import pool as real_pool
from tests.support.slowness import in_time, patience_s


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url, queue=current_name()) as made:
        yield made


async def test_a_real_pool_reports_to_whoever_watches_by_the_id_that_arq_gave(
    redis_url: str, stock: arq.ArqRedis, producer: Producer
) -> None:
    async with real_pool("tests.arq.app.ProgressSettings", url=redis_url, workers=1):
        made = await stock.enqueue_job("tell_rows", 30)
        assert made is not None
        handle = producer.handle(made.job_id)
        told = [progress async for progress in handle.watch()]
        assert await made.result(timeout=patience_s(10)) == 30
    assert [progress.done for progress in told] == sorted({progress.done for progress in told})
    assert len(told) >= 2, "it was seen while the job ran, not only at its end"
    assert (told[-1].done, told[-1].total, told[-1].message, told[-1].share) == (30, 30, "row 30", 1.0)
    assert await handle.progress() == told[-1]


async def test_the_page_shows_it(redis: Redis, stock: arq.ArqRedis) -> None:
    made = await stock.enqueue_job("tell_and_hold")
    assert made is not None
    async with running(ours(stock, app.ProgressSettings.functions)), page(redis) as site, in_time(30):
        while "a quarter" not in (html := await site.text(f"/jobs/job?queue=arq:queue&id={made.job_id}")):
            await asyncio.sleep(0.05)
        assert '<progress max="1" value="0.2500">' in html
        await redis.set("test:let-go", 1, ex=60)
        await made.result(timeout=patience_s(10))


async def test_the_same_code_runs_on_a_worker_of_arqs_own(stock: arq.ArqRedis) -> None:
    made = await stock.enqueue_job("tell_rows", 3)
    assert made is not None
    await theirs(stock, [app.tell_rows], burst=True).main()
    assert await made.result(timeout=patience_s(10)) == 3


async def test_what_the_application_itself_has_there_stays(stock: arq.ArqRedis) -> None:
    made = await stock.enqueue_job("show_own")
    assert made is not None
    await burst(stock, [app.show_own], ctx={"progress": "mine"})
    assert await made.result(timeout=patience_s(10)) == "mine"


async def test_hooks_may_report_and_what_comes_after_the_end_is_dropped(redis: Redis, stock: arq.ArqRedis) -> None:
    for _ in range(3):
        await stock.enqueue_job("tell_never")
    async with hearing(redis) as heard:
        await burst(stock, [app.tell_never], on_job_end=app.tell_early, after_job_end=app.tell_early)
    assert heard.messages == []
    made = await stock.enqueue_job("tell_never")
    assert made is not None
    async with hearing(redis) as heard:
        await burst(stock, [app.tell_never], on_job_start=app.tell_early)
    assert [progress.message for progress in heard.of(made.job_id)] == ["in a hook"]


async def test_a_hook_after_a_run_that_never_began_is_not_reported(
    redis: Redis, stock: arq.ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would close what it tells: the reporter would keep it for ever."""

    async def end_at_once(self: Any, run: ActiveRun) -> Failed:
        run.start_ms = run.finish_ms = 1
        return Failed(ValueError("stopped before it began"))

    monkeypatch.setattr(Runner, "_call", end_at_once)
    await stock.enqueue_job("tell_never")
    async with hearing(redis) as heard:
        worker = await burst(stock, [app.tell_never], on_job_end=app.tell_early)
    assert (worker.jobs_failed, heard.messages) == (1, [])
