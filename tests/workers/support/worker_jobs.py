"""Jobs for the tests of the worker.

Each cpu child imports them, so `Retry`, which brings arq and redis along, is imported where it is raised.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time

from monarq.shared.calls.context import Context
from monarq.shared.jobs.decorators import job
from monarq.shared.options.retry import Exponential


@job
async def plus(a: int, b: int) -> int:
    return a + b


@job
async def tell(ctx: Context, word: str) -> list[object]:
    return [ctx.job_id, ctx.job_name, ctx.job_try, ctx.queue, word]


@job
async def break_down(message: str) -> None:
    raise ValueError(message)


@job
async def leave() -> None:
    sys.exit(3)


@job
async def cancel_itself() -> None:
    raise asyncio.CancelledError


@job
async def retry_once(ctx: Context) -> int:
    if ctx.job_try == 1:
        from monarq.shared.jobs.retry_exception import Retry

        raise Retry(defer=0.05)
    return ctx.job_try


@job
async def retry_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    from monarq.shared.jobs.retry_exception import Retry

    raise Retry


@job(max_tries=2)
async def retry_always() -> None:
    from monarq.shared.jobs.retry_exception import Retry

    raise Retry


@job(max_tries=1)
async def retry_with_text() -> None:
    from monarq.shared.jobs.retry_exception import Retry

    raise Retry("later")


@job(max_tries=1)
async def retry_after_an_error() -> None:
    from monarq.shared.jobs.retry_exception import Retry

    raise Retry from OSError("no answer")


@job(retry=Exponential(2, base=0.01), retry_on=KeyError)
async def flaky_twice(ctx: Context) -> int:
    if ctx.job_try < 3:
        raise KeyError("not yet")
    return ctx.job_try


@job(retry=Exponential(2, base=0.01), retry_on=KeyError)
async def fails_otherwise() -> None:
    raise ValueError("another error")


@job(timeout=0.1)
async def too_long() -> None:
    await asyncio.sleep(60)


@job
async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "waited"


@job
async def block(seconds: float) -> str:
    time.sleep(seconds)
    return "blocked"


@job
async def stubborn(seconds: float) -> str:
    """Does not let itself be cancelled."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return "ended"


@job
async def strange_result() -> object:
    return object()


@job(keep_result=0)
async def forgotten() -> int:
    return 1


@job
def squared(number: int) -> int:
    return number * number


@job(timeout=0.2)
def spin() -> None:
    while True:
        pass


@job
def spin_on(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@job(lane="thread")
def thread_name() -> str:
    return threading.current_thread().name


@job(lane="thread", timeout=0.1)
def too_long_in_a_thread() -> None:
    time.sleep(1)


ALL = [
    too_long_in_a_thread,
    plus,
    retry_after,
    tell,
    break_down,
    leave,
    cancel_itself,
    retry_once,
    retry_always,
    retry_with_text,
    retry_after_an_error,
    flaky_twice,
    fails_otherwise,
    too_long,
    wait,
    block,
    stubborn,
    strange_result,
    forgotten,
    squared,
    spin,
    spin_on,
    thread_name,
]
