"""`SyncSandbox`: as `Sandbox`, for blocking tests."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from monarq.testing.base import BaseSandbox
from monarq.testing.callers import CallingThread, DjangoThread, uses_django
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
        """See `Sandbox.drain`."""
        server = self._running
        if uses_django():
            from asgiref.sync import async_to_sync

            ended: list[Ended] = async_to_sync(self._drain_here)(max_jobs)
        else:
            thread = CallingThread()
            ended = thread.wait(server.start(lambda redis: self._drain(redis, thread, max_jobs)))
        if raise_errors:
            raise_first_error(ended)
        return ended

    async def _drain_here(self, max_jobs: int) -> list[Ended]:
        client = self._running.source.client()
        try:
            return await self._drain(client, DjangoThread(), max_jobs)
        finally:
            await client.aclose()
