"""The ackers of a worker on a cluster: one per server, so that a silent server delays no other."""

from __future__ import annotations

from collections.abc import Callable

from monarq.shared.protocol.acks import Ack
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.servers import PerServer, Server
from monarq.workers.jobs.acker import Acker


class ServerAckers:
    """Sends acknowledgements like an `Acker`, with a separate acker for each server.

    Args:
        make: creates an acker.
        server_of: returns the server of a queue; if the queue moves, earlier acknowledgements go to the new server.
    """

    def __init__(self, make: Callable[[], Acker], server_of: Callable[[QueueRef], Server]) -> None:
        self._server_of = server_of
        self._ackers = PerServer(make)

    def add(self, ack: Ack) -> None:
        """Takes the acknowledgement of a run."""
        self._ackers.of(self._server_of(ack.lease.queue)).add(ack)

    async def run(self) -> None:
        """Sends until cancelled."""
        await self._ackers.run()

    async def flush(self) -> None:
        """Waits until everything that was added is sent."""
        for acker in self._ackers:
            await acker.flush()
