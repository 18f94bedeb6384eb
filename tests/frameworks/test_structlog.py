"""`monarq.structlog`: the job in each line that it logs, in each lane."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from monarq import App, Middleware, Producer, job
from monarq.structlog import add_job, bind_job
from monarq.workers.config.app_parts import AppParts
from tests.support.slowness import patience_s
from tests.support.workers import make_worker, running


def logged(*processors: Any) -> dict[str, Any]:
    """What a line of the user's is logged with."""
    event: Any = {"event": "hello"}
    for processor in processors:
        event = processor(None, "info", event)
    return dict(event)


@job
async def on_the_loop() -> dict[str, Any]:
    return logged(add_job)


@job(lane="thread")
def in_a_thread() -> dict[str, Any]:
    return logged(add_job)


@job
def in_a_process() -> dict[str, Any]:
    return logged(add_job)


@job
async def bound_on_the_loop() -> dict[str, Any]:
    return logged(structlog.contextvars.merge_contextvars)


@job(lane="thread")
def bound_in_a_thread() -> dict[str, Any]:
    return logged(structlog.contextvars.merge_contextvars)


@pytest.mark.parametrize("declared", [on_the_loop, in_a_thread, in_a_process], ids=lambda job: job.name)
async def test_the_processor_adds_the_job_in_each_lane(redis_url: str, declared: Any) -> None:
    async with Producer(redis_url) as producer, running(make_worker(redis_url, [declared])):
        handle = await producer.enqueue(declared)
        assert await handle.result(patience_s(30)) == {
            "event": "hello",
            "job_id": handle.job_id,
            "job_name": declared.name,
            "queue": "default",
            "job_try": 1,
        }


@pytest.mark.parametrize("declared", [bound_on_the_loop, bound_in_a_thread], ids=lambda job: job.name)
async def test_the_middleware_binds_contextvars_while_the_job_runs(redis_url: str, declared: Any) -> None:
    worker = make_worker(redis_url, [declared], app=AppParts(middleware=(bind_job,)))
    async with Producer(redis_url) as producer, running(worker):
        handle = await producer.enqueue(declared)
        found = await handle.result(patience_s(30))
    assert found == {
        "event": "hello",
        "job_id": handle.job_id,
        "job_name": declared.name,
        "queue": "default",
        "job_try": 1,
    }
    assert logged(structlog.contextvars.merge_contextvars) == {"event": "hello"}


def test_an_app_takes_the_middleware() -> None:
    assert App(middleware=[bind_job, Middleware()])


def test_outside_of_jobs_nothing_is_added() -> None:
    assert add_job(None, "info", {"event": "hello"}) == {"event": "hello"}
