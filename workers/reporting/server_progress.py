"""The progress reporters of a worker on a cluster: one per server, so that a silent server delays no other."""

from __future__ import annotations

from collections.abc import Callable

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.servers import PerServer, Server
from monarq.workers.reporting.progress import ProgressReporter
from monarq.workers.runs.run_progress import RunProgress


class ServerProgressReporters:
    """Sends progress like a `ProgressReporter`, with a separate reporter for each server.

    Args:
        make: creates a reporter.
        server_of: returns the server of a queue; if the queue moves, open runs keep their reporter.
    """

    def __init__(self, make: Callable[[], ProgressReporter], server_of: Callable[[QueueRef], Server]) -> None:
        self._server_of = server_of
        self._reporters = PerServer(make)
        self._of_run: dict[RunProgress, ProgressReporter] = {}

    def open(self, lease: Lease) -> RunProgress:
        """See `ProgressReporter`."""
        reporter = self._reporters.of(self._server_of(lease.queue))
        progress = reporter.open(lease)
        self._of_run[progress] = reporter
        return progress

    async def close(self, progress: RunProgress) -> None:
        """See `ProgressReporter`."""
        await self._of_run.pop(progress).close(progress)

    async def run(self) -> None:
        """Sends until cancelled."""
        await self._reporters.run()
