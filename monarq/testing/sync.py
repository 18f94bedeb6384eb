"""`SyncSandbox`: as `Sandbox`, for blocking tests."""

from __future__ import annotations

from concurrent.futures import Executor
from types import TracebackType
from typing import Self

from redis.asyncio import Redis

from monarq.testing.base import BaseSandbox
from monarq.testing.callers import CallingThread, DjangoThread, uses_django
from monarq.testing.ctrl_c import CtrlC
from monarq.testing.drain import raise_first_error
from monarq.testing.records import Ended


class SyncSandbox(BaseSandbox):
    """As `Sandbox`, but blocking: use it in ``with``.

    Io jobs run on a separate event loop, all others in the test's thread while that waits.
    """

    _fix = "`monarq_sync.drain()`"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def drain(self, *, raise_errors: bool = True, max_jobs: int = 10_000) -> list[Ended]:
        """See `Sandbox.drain`. Ctrl-C cancels it, and is raised as KeyboardInterrupt."""
        server, ctrl_c = self._running, CtrlC()
        if uses_django():
            from asgiref.sync import async_to_sync

            ended: list[Ended] = ctrl_c.run(lambda: async_to_sync(self._drain_here)(max_jobs, ctrl_c))
        else:
            thread = CallingThread(ctrl_c)
            ended = ctrl_c.run(
                lambda: thread.wait(server.start(lambda redis: self._drain_in(redis, thread, max_jobs, ctrl_c)))
            )
        if raise_errors:
            raise_first_error(ended)
        return ended

    async def _drain_here(self, max_jobs: int, ctrl_c: CtrlC) -> list[Ended]:
        client = self._running.source.client()
        try:
            return await self._drain_in(client, DjangoThread(ctrl_c), max_jobs, ctrl_c)
        finally:
            await client.aclose()

    async def _drain_in(self, redis: Redis, executor: Executor, max_jobs: int, ctrl_c: CtrlC) -> list[Ended]:
        with ctrl_c.cancelling():
            return await self._drain(redis, executor, max_jobs)
