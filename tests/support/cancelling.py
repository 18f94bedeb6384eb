"""Cancels a call at each of its awaits, and counts the file descriptors that it leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any

import psutil

from tests.support.slowness import in_time

Moment = Callable[[asyncio.Task[Any], Any], object]
"""Cancels a task that is about to wait for a future, at some moment."""


def at_once(task: asyncio.Task[Any], awaited: Any) -> None:
    """While it waits."""
    asyncio.get_running_loop().call_soon(task.cancel)


def when_ready(task: asyncio.Task[Any], awaited: Any) -> None:
    """When the future is done, before the task goes on."""
    if awaited is None:
        at_once(task, awaited)
    else:
        awaited.add_done_callback(lambda _: task.cancel())


class _Cancelled:
    """Awaits a coroutine, and cancels its task at one of its awaits."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, moment: Moment) -> None:
        self._coroutine = coroutine
        self._at = at
        self._moment = moment

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = lambda: self._coroutine.send(None)  # noqa: E731
        while True:
            try:
                awaited = step()
            except StopIteration as end:
                return end.value
            task = asyncio.current_task()
            if self._at == 0 and task is not None:
                self._moment(task, awaited)
            self._at -= 1
            try:
                yield awaited
            except BaseException as error:
                step = lambda error=error: self._coroutine.throw(error)  # type: ignore[misc]  # noqa: E731
            else:
                step = lambda: self._coroutine.send(None)  # noqa: E731


async def is_cancelled(coroutine: Coroutine[Any, Any, Any], at: int, moment: Moment) -> bool:
    """Runs it and cancels it at the await with this number, from 0; returns whether that ended it."""
    try:
        await _Cancelled(coroutine, at, moment)
    except asyncio.CancelledError:
        return True
    return False


async def cancel_at_each(run: Callable[[int], Awaitable[bool]], most: int = 100) -> int:
    """Runs it once per await, until it ends uncancelled or after `most` awaits; returns the number of awaits."""
    at = 0
    while at < most and await run(at):
        at += 1
    return at


@asynccontextmanager
async def nothing_left_open() -> AsyncIterator[None]:
    """At the end of the block, waits until this process has no more descriptors than before."""
    process = psutil.Process()
    before = process.num_fds()
    yield
    async with in_time(10):
        while process.num_fds() > before:
            await asyncio.sleep(0)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancels them until they have ended: before Python 3.12, redis-py's client sometimes swallows a cancellation."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=1)
