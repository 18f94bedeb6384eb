"""What type checkers say of apps, resources, middleware and contexts. Checked, never run.

An ignore that nothing needs is an error too, so each one here stands for a mistake that is found.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, assert_type

from monarq import (
    App,
    Context,
    Handle,
    Middleware,
    Outgoing,
    Producer,
    Resource,
    Run,
    RunNext,
    SendNext,
    SyncContext,
    SyncProducer,
    WorkerInfo,
    current_context,
)


class Pool: ...


class Session: ...


@asynccontextmanager
async def lifespan(worker: WorkerInfo) -> AsyncGenerator[dict[str, object], None]:
    yield {"db": worker.worker_id}


@contextmanager
def cpu_lifespan() -> Generator[dict[str, object], None, None]:
    yield {}


@asynccontextmanager
async def open_session(db: Pool = Resource("db")) -> AsyncGenerator[Session, None]:
    yield Session()


@contextmanager
def open_plain() -> Generator[Session, None, None]:
    yield Session()


async def awaited() -> int:
    return 1


def plain() -> str:
    return ""


assert_type(Resource(open_session), Session)
assert_type(Resource(open_plain, cached=False), Session)
assert_type(Resource(awaited), int)
assert_type(Resource(plain), str)
assert_type(Resource("db"), Any)


class Around(Middleware):
    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        assert_type(outgoing.replace(headers={"a": "b"}), Outgoing)
        return await call_next(outgoing)

    async def run(self, run: Run, call_next: RunNext) -> object:
        assert_type(run.replace(args=(1,)), Run)
        assert_type(run.started_at, datetime | None)
        return await call_next(run)


async def bare(run: Run, call_next: RunNext) -> object:
    return await call_next(run)


app = App("shop", lifespan=lifespan, cpu_lifespan=cpu_lifespan, middleware=[Around(), bare], include=["shop.jobs"])
App(lifespan=cpu_lifespan)  # type: ignore[arg-type]
App(middleware=[plain])  # type: ignore[list-item]


@app.job
async def save(ctx: Context, order: int, *, session: Session = Resource(open_session)) -> bytes:
    assert_type(ctx.producer, Producer)
    return str(order).encode()


@app.job(lane="thread", timeout="30s")
def render(ctx: SyncContext, frames: int, *, db: Pool = Resource("db")) -> int:
    assert_type(ctx.producer, SyncProducer)
    return frames


@app.job
async def wrong(*, count: int = Resource(open_session)) -> None: ...  # type: ignore[assignment]


async def enqueue(producer: Producer) -> None:
    assert_type(await producer.enqueue(save, 1), Handle[bytes])
    assert_type(await producer.enqueue(render.options(headers={"a": "b"}), 5), Handle[int])
    await producer.enqueue(save, "one")  # type: ignore[call-overload]
    assert_type(current_context(), Context | SyncContext | None)
    assert_type(app.producer(queue="other"), Producer)
    assert_type(app.sync_producer(queue="other"), SyncProducer)
