"""Jobs that do what jobs should not: see test_unruly_jobs.py.

Each cpu child imports them, so `Retry`, which brings arq and redis along, is imported where it is raised.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from contextvars import ContextVar
from typing import Final

from monarq.shared.calls.context import Context
from monarq.shared.jobs.decorators import job
from tests.workers.support.supervised_jobs import say

if "TEST_BROKEN_MODULE" in os.environ:
    raise ImportError("half of a new version")

LET_GO: Final = threading.Event()

TENANT: ContextVar[str] = ContextVar("tenant", default="")


@job(lane="thread", timeout=5)
def next_of_nothing() -> int:
    return next(iter(()))


@job(lane="thread", max_tries=1)
def cancel_in_thread() -> None:
    raise asyncio.CancelledError


@job(lane="thread", timeout=0.1)
def hang_in_thread() -> None:
    LET_GO.wait()


@job(lane="thread", timeout=5)
def answer_in_thread() -> int:
    return 42


@job
async def make_something_of_a_cancel() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise RuntimeError("the connection was closed") from None


@job
def set_tenant(name: str) -> str:
    before = TENANT.get()
    TENANT.set(name)
    return before


@job
def end_the_process() -> None:
    os._exit(9)


@job
def answer_in_process() -> int:
    return 42


@job
async def exit_in_a_task_of_its_own() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(leave())


async def leave() -> None:
    sys.exit(3)


@job(max_tries=1)
async def wait_for_a_moment(ctx: Context) -> str:
    say(ctx, "begins")
    await asyncio.sleep(1.0)
    return "waited"


@job
async def take_the_signals(ctx: Context) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(ctx, "begins")
    await asyncio.Event().wait()


@job
async def wait_in_threads(ctx: Context) -> None:
    """Takes all threads of asyncio's own, which cannot be stopped."""
    waits = [asyncio.to_thread(time.sleep, 30) for _ in range(40)]
    say(ctx, "begins")
    await asyncio.gather(*waits)


@job
async def answer_with_bytes(count: int) -> bytes:
    return b"x" * count


class Exits:
    """Ends the process when it is looked at closely."""

    def __reduce__(self) -> str:
        sys.exit(4)


class Speechless(Exception):  # noqa: N818 - it has no word for what went wrong
    def __str__(self) -> str:
        raise SystemExit(4)


class Undecided(type):
    def __instancecheck__(cls, instance: object) -> bool:
        sys.exit(4)


class Never(Exception, metaclass=Undecided):  # noqa: N818 - nothing is ever one
    pass


@job
async def answer_with_an_exit() -> object:
    return Exits()


@job
async def raise_speechless() -> None:
    raise Speechless


@job(retry=1, retry_on=Never)
async def raise_what_cannot_be_judged() -> None:
    raise ValueError("judge me")


@job(max_tries=2)
async def come_back_later(ctx: Context) -> int:
    if ctx.job_try == 1:
        from monarq.shared.jobs.retry_exception import Retry

        raise Retry(defer=1.2)
    return ctx.job_try


ALL: Final = [
    answer_with_an_exit,
    raise_speechless,
    raise_what_cannot_be_judged,
    come_back_later,
    wait_in_threads,
    next_of_nothing,
    cancel_in_thread,
    hang_in_thread,
    answer_in_thread,
    make_something_of_a_cancel,
    set_tenant,
    end_the_process,
    answer_in_process,
    exit_in_a_task_of_its_own,
    wait_for_a_moment,
    take_the_signals,
    answer_with_bytes,
]
