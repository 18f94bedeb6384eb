"""The canceller: carries out requests to cancel jobs; it polls for them twice a second while jobs run.

arq's clients add their requests to a set and notify nobody, so a worker has to poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerSession
from monarq.shared.redis.servers import Server
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.runs.run import ActiveRun, CancelReason

POLL_S: Final = 0.5


class Canceller:
    """Cancels the runs of jobs that are to be cancelled.

    Args:
        redis: the client.
        sessions: the worker's sessions.
        running: the runs by their leases.
        events: notified of outages.
        server_of: on a cluster, returns the server of a queue, so that each server is polled separately; else None.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        sessions: Sequence[WorkerSession],
        running: Mapping[Lease, ActiveRun],
        events: Dispatcher,
        server_of: Callable[[QueueRef], Server] | None = None,
    ) -> None:
        self._redis = redis
        self._sessions = sessions
        self._running = running
        self._events = events
        self._server_of = server_of
        self._outages: dict[Server, Outage] = {}
        self._asked: set[Server] = set()

    async def run(self) -> None:
        """Polls until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(POLL_S)
                for server, runs in self._by_server().items():
                    if server not in self._asked:  # a silent server must not delay the others
                        self._asked.add(server)
                        group.create_task(self._ask(server, runs))

    def _by_server(self) -> Mapping[Server, dict[Lease, ActiveRun]]:
        if not self._running:
            return {}
        if self._server_of is None:
            return {None: dict(self._running)}
        servers = {queue: self._server_of(queue) for queue in {lease.queue for lease in self._running}}
        found: dict[Server, dict[Lease, ActiveRun]] = {}
        for lease, run in self._running.items():
            found.setdefault(servers[lease.queue], {})[lease] = run
        return found

    async def _ask(self, server: Server, runs: Mapping[Lease, ActiveRun]) -> None:
        outage = self._outages.setdefault(server, Outage(self._events, "looking for cancelled jobs"))
        try:
            await self._poll(runs)
            outage.passed()
        except (RedisError, OSError) as error:
            await asyncio.sleep(outage.failed(error))
        finally:
            self._asked.discard(server)

    async def _poll(self, runs: Mapping[Lease, ActiveRun]) -> None:
        for session in self._sessions:
            asked = [(lease, run.payload) for lease, run in runs.items() if lease.queue.format == session.format]
            for lease in await session.find_cancels(self._redis, asked):
                runs[lease].cancel(CancelReason.ASKED)
