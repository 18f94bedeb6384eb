"""The aborter: carries out abort requests, for which it polls twice a second while jobs run.

arq's clients leave their requests in a set and notify nobody, so a worker has to poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.worker_queue import WorkerSession
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.runs.run import CancelReason, Run

POLL_S: Final = 0.5


class Aborter:
    """Cancels the runs whose jobs are to be aborted."""

    def __init__(
        self, *, redis: Redis, sessions: Sequence[WorkerSession], running: Mapping[Lease, Run], events: Dispatcher
    ) -> None:
        self._redis = redis
        self._sessions = sessions
        self._running = running
        self._events = events

    async def run(self) -> None:
        """Polls until cancelled."""
        outage = Outage(self._events, "looking for aborts")
        while True:
            await asyncio.sleep(POLL_S)
            if not self._running:
                continue
            try:
                await self._poll()
                outage.passed()
            except (RedisError, OSError) as error:
                await asyncio.sleep(outage.failed(error))

    async def _poll(self) -> None:
        runs = dict(self._running)
        for session in self._sessions:
            asked = [(lease, run.payload) for lease, run in runs.items() if lease.queue.format == session.format]
            for lease in await session.find_aborts(self._redis, asked):
                runs[lease].cancel(CancelReason.ABORT)
