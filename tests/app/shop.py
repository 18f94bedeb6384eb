"""An application with everything: its worker's child imports it."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

from monarq import App, Context, Resource, RunNext, SyncContext, WorkerInfo, job
from monarq.shared.calls.run import Run

LOG: list[str] = []


class Pool:
    """Stands for a database."""

    def __init__(self, name: str) -> None:
        self.name = name


class Session:
    """Stands for a session of it, for one run."""

    def __init__(self, pool: Pool, user: str) -> None:
        self.pool = pool
        self.user = user


@asynccontextmanager
async def lifespan(worker: WorkerInfo) -> AsyncIterator[dict[str, object]]:
    LOG.append(f"opened for {len(worker.jobs)} jobs on {', '.join(worker.queues)}")
    try:
        yield {"db": Pool("main"), "worker": worker.worker_id}
    finally:
        LOG.append("closed")


@contextmanager
def cpu_lifespan() -> Iterator[dict[str, object]]:
    yield {"db": Pool(f"of {os.getpid()}")}


@asynccontextmanager
async def open_session(user: str, ctx: Context, db: Pool = Resource("db")) -> AsyncIterator[Session]:
    LOG.append(f"session of {user} for {ctx.job_id}")
    try:
        yield Session(db, user)
    except ValueError as error:
        LOG.append(f"rolled back: {error}")
        raise
    finally:
        LOG.append("session closed")


async def count_session(session: Session = Resource(open_session)) -> int:
    return id(session)


@contextmanager
def open_plain(user: str, ctx: SyncContext, db: Pool = Resource("db")) -> Iterator[Session]:
    assert ctx.job_id
    yield Session(db, f"{user} in {threading.current_thread().name}")


async def tag(run: Run, call_next: RunNext) -> object:
    LOG.append(f"before {run.job_name}")
    value = await call_next(run)
    LOG.append(f"after {run.job_name}")
    return value


app = App("shop", lifespan=lifespan, cpu_lifespan=cpu_lifespan, prefix="shop.")


@app.job
async def name_pool(word: str, *, db: Pool = Resource("db")) -> str:
    return f"{word} {db.name}"


@app.job(name="named")
async def with_both(
    user: str,
    *,
    session: Session = Resource(open_session),
    number: int = Resource(count_session),
    worker: str = Resource("worker"),
) -> list[Any]:
    LOG.append("runs")
    return [session.user, session.pool.name, number == id(session), worker.count(":")]


@app.job
async def fails(user: str, session: Session = Resource(open_session), *, why: str = "") -> None:
    raise ValueError(why)


@app.job
async def annotated(ctx: Context, db: Annotated[Pool, Resource("db")]) -> str:
    return f"{ctx.resources['db'].name} {db.name}"


@app.job(lane="thread")
def in_thread(user: str, *, session: Session = Resource(open_plain)) -> list[str]:
    return [session.user, session.pool.name]


@app.job
def in_child(ctx: SyncContext, user: str, *, session: Session = Resource(open_plain)) -> list[Any]:
    return [session.user, session.pool.name == f"of {os.getpid()}", ctx.resources["db"] is session.pool]


@job
async def beside(word: str) -> str:
    return word
