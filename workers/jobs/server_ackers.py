"""The ackers of a worker on a cluster: one a server, so that a silent one delays no acknowledgement of another's."""

from __future__ import annotations

from collections.abc import Callable

from monarq.shared.protocol.acks import Ack
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.servers import PerServer, Server
from monarq.workers.jobs.acker import Acker


class ServerAckers:
    """Sends acknowledgements as an `Acker` does, those of each server by an acker of its own.

    Args:
        make: makes an acker.
        server_of: tells the server of a queue; where the queue moves, what was added before goes to the new one.
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
