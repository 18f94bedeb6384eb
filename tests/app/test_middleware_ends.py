"""How runs end around which middleware and resources raise, wait or swallow: in each lane as in the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import App, Resource, Retry, Run, RunNext
from monarq.shared.jobs.job import Job
from tests.app.conftest import RunApp
from tests.support.workers import put, result_of


async def asks_for_a_retry(run: Run, call_next: RunNext) -> object:
    try:
        return await call_next(run)
    except ValueError:
        if run.job_try > 1:
            return "tried again"
        raise Retry(defer=0) from None


async def fails(run: Run, call_next: RunNext) -> object:
    with suppress(ValueError, Retry):
        return await call_next(run)
    raise KeyError(run.job_try)


retrying = App("retrying", middleware=[asks_for_a_retry])
failing = App("failing", middleware=[fails])


@retrying.job
async def raises_on_loop() -> str:
    raise ValueError("no")


@retrying.job(lane="thread")
def raises_in_thread() -> str:
    raise ValueError("no")


@retrying.job
def raises_value_error_in_child() -> str:
    raise ValueError("no")


@failing.job
async def retries_on_loop() -> None:
    raise Retry(defer=0)


@failing.job(lane="thread", retry=3, retry_on=ValueError)
def retries_in_thread() -> None:
    raise ValueError("no")


@failing.job
def retries_in_child() -> None:
    raise Retry(defer=0)


@failing.job(retry=3, retry_on=ValueError)
def retries_value_errors_in_child() -> None:
    raise ValueError("no")


@pytest.mark.parametrize(
    "job", [raises_on_loop, raises_in_thread, raises_value_error_in_child], ids=["io", "thread", "cpu"]
)
async def test_a_retry_that_middleware_asks_for_is_one(redis: Redis, run_app: RunApp, job: Job[..., Any]) -> None:
    await put(redis, job, job_id="one")
    await run_app(retrying)
    assert (await result_of(redis, "one")).value == "tried again"


@pytest.mark.parametrize(
    "job",
    [retries_on_loop, retries_in_thread, retries_in_child, retries_value_errors_in_child],
    ids=["io", "thread", "cpu", "cpu with retry_on"],
)
async def test_what_middleware_raises_counts_not_what_the_job_raised(
    redis: Redis, run_app: RunApp, job: Job[..., Any]
) -> None:
    await put(redis, job, job_id="one")
    await run_app(failing)
    assert repr((await result_of(redis, "one")).value) == "KeyError(1)"


async def lingers_before(run: Run, call_next: RunNext) -> object:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    return "late"


async def lingers_after(run: Run, call_next: RunNext) -> object:
    await call_next(run)
    await asyncio.sleep(60)
    return "late"


before, after = App("before", middleware=[lingers_before]), App("after", middleware=[lingers_after])


@before.job(timeout=0.2)
def quick_behind() -> str:
    return "quick"


@after.job(timeout=2)
def quick_in_front() -> str:
    return "quick"


@pytest.mark.parametrize(("app", "job"), [(before, quick_behind), (after, quick_in_front)], ids=["before", "after"])
async def test_a_cpu_job_s_timeout_holds_for_its_middleware(
    redis: Redis, run_app: RunApp, app: App, job: Job[..., Any]
) -> None:
    await put(redis, job, job_id="one")
    await run_app(app)
    assert isinstance((await result_of(redis, "one")).value, TimeoutError)


async def calls_twice(run: Run, call_next: RunNext) -> object:
    with suppress(ValueError):
        return await call_next(run)
    with suppress(TimeoutError, asyncio.CancelledError):
        return await call_next(run.replace(args=("again",)))
    return "saved"


twice = App("twice", middleware=[calls_twice])


@twice.job(timeout=2)
def raises_then_lingers(word: str) -> str:
    if word == "first":
        raise ValueError("no")
    time.sleep(60)
    return word


async def test_a_timeout_of_the_second_call_cannot_be_swallowed(redis: Redis, run_app: RunApp) -> None:
    await put(redis, raises_then_lingers, "first", job_id="one")
    await run_app(twice)
    assert isinstance((await result_of(redis, "one")).value, TimeoutError)


@asynccontextmanager
async def swallows() -> AsyncIterator[None]:
    with suppress(BaseException):
        yield


@asynccontextmanager
async def never_opens() -> AsyncIterator[None]:
    await asyncio.sleep(60)
    yield


@asynccontextmanager
async def cannot_open() -> AsyncIterator[None]:
    raise ValueError("cannot open")
    yield


@contextmanager
def swallows_blocking() -> Iterator[None]:
    with suppress(BaseException):
        yield


def cannot_open_blocking() -> None:
    raise ValueError("cannot open")


opening = App("opening")


@opening.job(timeout=0.2)
async def waits_for(*, one: None = Resource(swallows), two: None = Resource(never_opens)) -> None:
    raise AssertionError("it is not called")


@opening.job
async def needs(*, one: None = Resource(swallows), two: None = Resource(cannot_open)) -> None:
    raise AssertionError("it is not called")


@opening.job(lane="thread")
def needs_in_thread(*, one: None = Resource(swallows_blocking), two: None = Resource(cannot_open_blocking)) -> None:
    raise AssertionError("it is not called")


@opening.job
def needs_in_child(*, one: None = Resource(swallows_blocking), two: None = Resource(cannot_open_blocking)) -> None:
    raise AssertionError("it is not called")


async def test_a_resource_cannot_swallow_a_timeout_while_another_opens(redis: Redis, run_app: RunApp) -> None:
    await put(redis, waits_for, job_id="one")
    await run_app(opening)
    assert isinstance((await result_of(redis, "one")).value, TimeoutError)


@pytest.mark.parametrize("job", [needs, needs_in_thread, needs_in_child], ids=["io", "thread", "cpu"])
async def test_a_job_whose_resource_cannot_be_opened_fails(redis: Redis, run_app: RunApp, job: Job[..., Any]) -> None:
    await put(redis, job, job_id="one")
    await run_app(opening)
    assert repr((await result_of(redis, "one")).value) == "ValueError('cannot open')"
