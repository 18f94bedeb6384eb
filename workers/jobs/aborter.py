"""The aborter: carries out abort requests, for which it polls twice a second while jobs run.

arq's clients leave their requests in a set and notify nobody, so a worker has to poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.arq.jobs.abort import find_aborts, is_abort_of
from monarq.shared.protocol.lease import Lease
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.runs.run import CancelReason, Run

POLL_S: Final = 0.5


class Aborter:
    """Cancels the runs whose jobs are to be aborted."""

    def __init__(self, *, redis: Redis, running: Mapping[Lease, Run], events: Dispatcher) -> None:
        self._redis = redis
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
        by_id = {lease.raw_id: run for lease, run in self._running.items()}
        for raw_id, requested_ms in await find_aborts(self._redis, list(by_id)):
            run = by_id[raw_id]
            if is_abort_of(requested_ms, run.payload):
                run.cancel(CancelReason.ABORT)
