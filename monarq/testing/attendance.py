"""Notices that a test waits for a job that nothing runs, as it has forgotten to drain."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from monarq.shared.errors import MonarqError
from monarq.shared.formats.choice.monitors import known_queues, read_workers
from monarq.shared.redis.redis_errors import REDIS_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monarq.shared.redis.connection import UrlSource

T = TypeVar("T")
P = ParamSpec("P")
S = TypeVar("S", bound="HasDrains")

PATIENCE_S: Final = 5.0
"""How long a test may wait without a timeout before something runs jobs, by the machine's clock."""

_STEPS: Final = 50
"""The checks within that time. Each lets the event loop run, so a loop that was blocked does not count as patience."""


class Attendance:
    """Whether anything runs the jobs of one open sandbox. Its methods may be called in any thread.

    Args:
        source: makes connections to its server.
        fix: how a test runs the jobs, for the error.
    """

    def __init__(self, source: UrlSource, fix: str) -> None:
        self._source = source
        self._fix = fix
        self._drains = self._draining = 0
        self._closed = False

    def close(self) -> None:
        """The sandbox was closed: what still waits is no longer its concern."""
        self._closed = True

    @contextmanager
    def drain(self) -> Iterator[None]:
        """Notes that a drain is under way."""
        self._drains += 1
        self._draining += 1
        try:
            yield
        finally:
            self._draining -= 1

    def runs_jobs_of(self, shown: str) -> bool:
        """See `monarq.producer.results.attendance.Attendant`."""
        return shown == self._source.shown

    async def attend(self, waiting: Awaitable[T]) -> T:
        """See `monarq.producer.results.attendance.Attendant`."""
        waited = asyncio.ensure_future(waiting)
        try:
            while not await self._is_over(waited):
                if not await self._has_workers():
                    raise MonarqError(
                        f"the test waits for a job, but for {PATIENCE_S:g} s nothing has run jobs: in a sandbox they"
                        f" run only during a drain. Call {self._fix} first, or start it in another task or thread, or"
                        " pass a timeout"
                    )
            return await waited
        finally:
            waited.cancel()

    async def _is_over(self, waited: asyncio.Future[T]) -> bool:
        """Waits; False if nothing ran jobs for `PATIENCE_S`."""
        idle, drains = 0, self._drains
        while idle < _STEPS and not self._closed:
            await asyncio.wait([waited], timeout=PATIENCE_S / _STEPS)
            if waited.done():
                return True
            idle = idle + 1 if drains == self._drains and not self._draining else 0
            drains = self._drains
        return self._closed

    async def _has_workers(self) -> bool:
        """Whether workers serve the sandbox's Redis that the test has started, in another process for instance."""
        redis = self._source.client()
        try:
            workers = await read_workers(redis, await known_queues(redis))
        except REDIS_ERRORS:
            return False
        finally:
            await redis.aclose()
        return any(worker.alive for of_queue in workers.values() for worker in of_queue)


class Drains:
    """The drains of an asyncio sandbox that were called. One that is not awaited does nothing, silently."""

    def __init__(self) -> None:
        self._made: list[Coroutine[Any, Any, Any]] = []

    def note(self, made: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Notes a drain, and returns it."""
        self._made = [*self._not_started(), made]
        return made

    def check(self) -> None:
        """Checks them, at the end of the sandbox.

        Raises:
            MonarqError: one was not awaited.
        """
        left, self._made = self._not_started(), []
        for each in left:
            each.close()  # so that Python does not warn as well
        if left:
            raise MonarqError(
                "monarq.drain() was called without await, so it ran no jobs: write `await monarq.drain()`. A blocking"
                " test (`def test_...`) uses the fixture monarq_sync and its drain()"
            )

    def _not_started(self) -> list[Coroutine[Any, Any, Any]]:
        return [each for each in self._made if inspect.getcoroutinestate(each) == inspect.CORO_CREATED]


class HasDrains(Protocol):
    """A sandbox whose drains are noted."""

    _drains: Drains


def noted(
    drain: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Notes each call of a sandbox's async `drain`, for `Drains.check`."""

    @wraps(drain)
    def call(sandbox: S, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return sandbox._drains.note(drain(sandbox, *args, **kwargs))  # noqa: SLF001 - of the same package

    return call
