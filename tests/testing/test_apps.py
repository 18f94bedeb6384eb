"""A sandbox with an `App`: its resources, its middleware, its producers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from monarq import (
    App,
    Handle,
    Middleware,
    Outgoing,
    Resource,
    ResourceError,
    Run,
    RunNext,
    SendNext,
    SyncContext,
    WorkerInfo,
)
from monarq.testing import Sandbox, SyncSandbox, run_inline

LOG: list[str] = []


@asynccontextmanager
async def lifespan(worker: WorkerInfo) -> AsyncIterator[dict[str, object]]:
    LOG.append("opened")
    yield {"db": "the database"}
    LOG.append("closed")


@contextmanager
def cpu_lifespan() -> Iterator[dict[str, object]]:
    yield {"model": f"the model in {os.getpid()}"}


class Tenant(Middleware):
    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[object]:
        return await call_next(outgoing.replace(headers={"tenant": "acme"}))

    async def run(self, run: Run, call_next: RunNext) -> object:
        LOG.append(f"{run.job_name} for {run.headers.get('tenant')}")
        return await call_next(run)


app = App(
    "bank",
    lifespan=lifespan,
    cpu_lifespan=cpu_lifespan,
    middleware=[Tenant()],
    prefix="bank.",
    redis="redis://192.0.2.1:1",
)


@app.job
async def read_balance(owner: str, *, db: str = Resource("db")) -> str:
    return f"{owner} in {db}"


@app.job
def predict(ctx: SyncContext, amount: int, *, model: str = Resource("model")) -> str:
    assert ctx.resources["model"] == model
    return f"{amount} by {model}"


@pytest.fixture
def monarq_app() -> object:
    LOG.clear()
    return app


async def test_jobs_have_their_resources_and_middleware_in_each_lane(monarq: Sandbox) -> None:
    async with app.producer() as producer:
        balance, guess = await producer.enqueue(read_balance, "ann"), await producer.enqueue(predict, 3)
        assert monarq.enqueued(read_balance)[0].headers == {"tenant": "acme"}
        await monarq.drain()
        assert await balance.result() == "ann in the database"
        assert await guess.result() == f"3 by the model in {os.getpid()}"
    assert LOG[0] == "opened"
    assert LOG[-1] == "closed"
    assert sorted(LOG[1:-1]) == ["bank.predict for acme", "bank.read_balance for acme"]


async def test_resources_are_replaced_for_a_test(monarq: Sandbox) -> None:
    async with app.producer() as producer:
        await producer.enqueue(read_balance, "ann")
        await producer.enqueue(predict, 3)
        with app.override(db="a fake", model="a guess"):
            ended = await monarq.drain()
        await producer.enqueue(read_balance, "bob")
        ended += await monarq.drain()
    assert {each.value for each in ended} == {"ann in a fake", "3 by a guess", "bob in the database"}


LASTING = app.producer()


@pytest.mark.parametrize("time", [1, 2])
async def test_a_lasting_producer_of_an_app_finds_each_sandbox(time: int, monarq: Sandbox) -> None:
    await LASTING.enqueue(read_balance, str(time))
    monarq.assert_enqueued(read_balance, str(time))


def test_an_app_is_named_by_its_module_too() -> None:
    for named in ("tests.testing.test_apps", "tests.testing.test_apps:app"):
        with SyncSandbox(named) as sandbox:
            sandbox.travel(1)
            assert sandbox.drain() == []


async def test_a_resource_that_nobody_gives_is_an_error_of_the_job_that_needs_it() -> None:
    async with Sandbox() as sandbox, app.producer() as producer:
        await producer.enqueue(read_balance, "ann")
        with pytest.raises(ResourceError, match="no resource 'db': give the sandbox the App whose lifespan"):
            await sandbox.drain()


async def test_a_job_is_run_inline_with_what_its_app_gives_it() -> None:
    LOG.clear()
    assert await run_inline(read_balance, "ann") == "ann in the database"
    assert LOG == ["opened", "bank.read_balance for None", "closed"]
    assert await run_inline(predict, 3) == f"3 by the model in {os.getpid()}"
    with app.override(db="a fake"):
        assert await run_inline(read_balance, "bob") == "bob in a fake"
