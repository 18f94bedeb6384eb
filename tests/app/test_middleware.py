"""Middleware: around runs in each lane, and around each enqueue; headers travel between the two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import (
    App,
    Context,
    Middleware,
    Outgoing,
    PartlyEnqueuedError,
    Resource,
    Retry,
    Run,
    RunNext,
    SendNext,
    SyncProducer,
)
from monarq.producer import Handle
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.job import Job
from tests.app import shop
from tests.app.conftest import RunApp
from tests.support.formats import current_queue
from tests.support.workers import put, result_of

HEARD: list[Any] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    HEARD.clear()


class Tenant(Middleware):
    """Sends a header, and sees it again."""

    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        HEARD.append(("enqueue", outgoing.job_name, outgoing.args))
        return await call_next(outgoing.replace(headers={**outgoing.headers, "tenant": "acme"}))

    async def run(self, run: Run, call_next: RunNext) -> object:
        HEARD.append(("run", run.job_name, run.args, dict(run.headers)))
        value = await call_next(run)
        HEARD.append(("ran", value))
        return value


app = App("with middleware", middleware=[Tenant(), shop.tag])


@app.job
async def tenant_of(ctx: Context, word: str) -> list[str]:
    return [word, *ctx.headers.values()]


@app.job(lane="thread")
def tenant_in_thread(word: str) -> str:
    return word


@app.job
def tenant_in_child(word: str) -> str:
    return word


@app.job
async def passes_on(ctx: Context, queue: str) -> Any:
    return await (await ctx.producer.enqueue(tenant_of.options(queue=queue), "inner")).result()


@pytest.mark.parametrize("job", [tenant_of, tenant_in_thread, tenant_in_child], ids=["io", "thread", "cpu"])
async def test_it_runs_around_jobs_of_each_lane_the_first_outermost(
    redis: Redis, run_app: RunApp, job: Job[..., Any]
) -> None:
    shop.LOG.clear()
    await put(redis, job, "word", job_id="one")
    await run_app(app)
    value = (await result_of(redis, "one")).value
    assert value in (["word"], "word")
    assert [("run", job.name, ("word",), {}), ("ran", value)] == HEARD
    assert [f"before {job.name}", f"after {job.name}"] == shop.LOG


async def test_headers_travel_from_each_enqueue_to_the_run(redis_url: str, run_app: RunApp) -> None:
    queue = current_queue()
    async with app.producer(redis_url) as producer:
        asked = tenant_of.options(queue=as_queue(queue))
        one = await producer.enqueue(asked.options(headers={"trace": "7", "empty": ""}), "one")
        many = await producer.enqueue_many(asked, [("two",), ("three",)])
        await run_app(app)
        assert await one.result() == ["one", "7", "", "acme"]
        assert [await handle.result() for handle in many] == [["two", "acme"], ["three", "acme"]]
    assert sorted(heard[2] for heard in HEARD if heard[0] == "enqueue") == [("one",), ("three",), ("two",)]


def as_queue(queue: Any) -> Any:
    from monarq import Queue

    return Queue(queue.name, format=queue.format)


async def test_what_a_job_enqueues_goes_through_it_as_well(redis: Redis, run_app: RunApp) -> None:
    await put(redis, passes_on, as_queue(current_queue()).name, job_id="outer")
    if current_queue().format == "native":
        await run_app(app)
        assert (await result_of(redis, "outer")).value == ["inner", "acme"]


async def test_it_may_change_refuse_skip_retry_and_break(redis: Redis, run_app: RunApp) -> None:
    async def by_word(run: Run, call_next: RunNext) -> object:
        match run.args[0]:
            case "change":
                return f"[{await call_next(run.replace(args=('other',)))}]"
            case "skip":
                return "not called"
            case "refuse":
                raise PermissionError("no")
            case "retry" if run.job_try == 1:
                raise Retry(defer=0.01)
            case "nonsense":
                return await call_next(None)  # type: ignore[arg-type]
        return await call_next(run)

    strict = App(middleware=[by_word])
    called: list[str] = []

    @strict.job
    async def echo(word: str) -> str:
        called.append(word)
        return word

    for word in ("change", "skip", "refuse", "retry", "nonsense"):
        await put(redis, echo, word, job_id=word)
    await run_app(strict)
    values = {word: (await result_of(redis, word)).value for word in ("change", "skip", "refuse", "retry", "nonsense")}
    assert (values["change"], values["skip"], values["retry"]) == ("[other]", "not called", "retry")
    assert isinstance(values["refuse"], PermissionError)
    assert "call_next takes a Run" in str(values["nonsense"])
    assert sorted(called) == ["other", "retry"]


@pytest.mark.parametrize("again", [False, True], ids=["returns", "calls again"])
async def test_one_that_swallows_a_timeout_does_not_save_the_run(redis: Redis, run_app: RunApp, again: bool) -> None:
    calls: list[int] = []

    async def stubborn(run: Run, call_next: RunNext) -> object:
        try:
            return await call_next(run)
        except asyncio.CancelledError:
            return await call_next(run) if again else "saved"

    strict = App(middleware=[stubborn])

    @strict.job(timeout=0.05)
    async def lingers() -> None:
        calls.append(1)
        await asyncio.sleep(60)

    @strict.job(timeout=0.05)
    async def ends_in_order() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "in order"
        return "late"

    await put(redis, lingers, job_id="lingers")
    await put(redis, ends_in_order, job_id="in order")
    await run_app(strict)
    told = (await result_of(redis, "lingers")).value
    assert isinstance(told, TimeoutError)
    assert "exceeded its timeout of 0.05 s" in str(told)
    assert calls == [1]
    assert (await result_of(redis, "in order")).value == "in order", "what the job itself returns counts, as without"


async def save(run: Run, call_next: RunNext) -> object:
    """Returns a result whatever happens."""
    try:
        return await call_next(run)
    except (TimeoutError, asyncio.CancelledError):
        return "saved"


saved = App("saved", middleware=[save])


@saved.job(lane="thread", timeout=0.05)
def lingers_in_thread() -> None:
    time.sleep(1)


@saved.job(timeout=0.05)
def lingers_in_child() -> None:
    time.sleep(60)


@saved.job
def raises_in_child() -> str:
    raise TimeoutError("its own")


@pytest.mark.parametrize("job", [lingers_in_thread, lingers_in_child], ids=["thread", "cpu"])
async def test_no_lane_s_timeout_can_be_swallowed(redis: Redis, run_app: RunApp, job: Job[..., Any]) -> None:
    await put(redis, job, job_id="one")
    await run_app(saved)
    value = (await result_of(redis, "one")).value
    assert isinstance(value, TimeoutError)
    assert "exceeded its timeout of 0.05 s and " in str(value)


async def test_a_timeout_that_the_job_itself_raises_may_be(redis: Redis, run_app: RunApp) -> None:
    await put(redis, raises_in_child, job_id="one")
    await run_app(saved)
    assert (await result_of(redis, "one")).value == "saved"


async def test_a_resource_that_swallows_a_timeout_does_not_save_the_run(redis: Redis, run_app: RunApp) -> None:
    @asynccontextmanager
    async def swallows() -> AsyncIterator[None]:
        with suppress(asyncio.CancelledError):
            yield

    strict = App()

    @strict.job(timeout=0.05)
    async def holds(held: None = Resource(swallows)) -> None:
        await asyncio.sleep(60)

    await put(redis, holds, job_id="one")
    await run_app(strict)
    assert isinstance((await result_of(redis, "one")).value, TimeoutError)


class Picky(Middleware):
    """Refuses some jobs."""

    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        if outgoing.args == ("bad",):
            raise PermissionError("refused")
        return await call_next(outgoing)


def test_one_around_enqueues_may_refuse_a_job(redis_url: str) -> None:
    with SyncProducer(redis_url, middleware=[Picky()]) as producer:
        assert producer.enqueue("any", "good").job_id
        with pytest.raises(PermissionError, match="refused"):
            producer.enqueue("any", "bad")
        with pytest.raises(PermissionError, match="refused"):
            producer.enqueue_many("any", [("bad",)])
        with pytest.raises(PartlyEnqueuedError) as caught:
            producer.enqueue_many("any", [("good",), ("bad",)])
        assert (len(caught.value.enqueued), caught.value.total) == (1, 2)


class Silent(Middleware):
    """Forgets to return the handle."""

    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        await call_next(outgoing)
        return None  # type: ignore[return-value]


def test_one_around_enqueues_that_returns_no_handle_is_named(redis_url: str) -> None:
    with SyncProducer(redis_url, middleware=[Silent()]) as producer:
        told = r"the middleware Silent\.enqueue returned None: it must return a handle"
        with pytest.raises(TypeError, match=told):
            producer.enqueue("any", 1)
        with pytest.raises(TypeError, match=told):
            producer.enqueue_many("any", [(1,)])


def test_what_is_no_middleware_and_no_header_is_refused() -> None:
    for wrong in ([7], [print], "me", 7, {"a": 1}):
        given: Any = wrong
        with pytest.raises(SettingsError, match="middleware"):
            App(middleware=given)
    for headers in ([], {"a": 1}, {1: "a"}, {"": "x"}):
        given = headers
        with pytest.raises(SettingsError, match="header"):
            tenant_of.options(headers=given)
