"""Who carries out aborts: looks twice a second whether somebody wants one of the running jobs stopped.

arq's clients leave their requests in a set and tell nobody, so they have to be looked for; an idle worker does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.commands.jobs.abort import find_aborts, is_abort_of
from monarq.shared.commands.jobs.claim import Lease
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.runs.run import CancelReason, Run

LOOK_S: Final = 0.5


class Aborter:
    """Stops the runs that somebody wants aborted."""

    def __init__(self, *, redis: Redis, running: Mapping[Lease, Run], events: Dispatcher) -> None:
        self._redis = redis
        self._running = running
        self._events = events

    async def run(self) -> None:
        """Looks until cancelled."""
        outage = Outage(self._events, "looking for aborts")
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._running:
                continue
            try:
                await self._look()
                outage.passed()
            except (RedisError, OSError) as error:
                await asyncio.sleep(outage.failed(error))

    async def _look(self) -> None:
        by_id = {lease.raw_id: run for lease, run in self._running.items()}
        for raw_id, retry_delay_ms in await find_aborts(self._redis, list(by_id)):
            run = by_id[raw_id]
            if is_abort_of(retry_delay_ms, run.payload):
                run.stop(CancelReason.ABORT)
