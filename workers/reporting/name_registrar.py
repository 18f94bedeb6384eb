"""The name registrar: tells a worker's queues which jobs it knows, since only known names have their own counters.

It does so at startup and then once an hour, since a name that no worker has registered for a day is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.shared.redis.servers import visit_servers
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage

EVERY_S: Final = 3600.0


class NameRegistrar:
    """Registers the names of one worker's jobs with its queues."""

    def __init__(
        self, *, redis: Redis, queues: Sequence[WorkerQueue], names: Iterable[str], events: Dispatcher
    ) -> None:
        self._redis = redis
        self._queues = queues
        self._names = sorted(names)
        self._events = events

    async def run(self) -> None:
        """Registers until cancelled."""
        while True:
            await visit_servers(self._redis, self._queues, attrgetter("key"), self._register_all)
            await asyncio.sleep(EVERY_S)

    async def _register_all(self, queues: Sequence[WorkerQueue]) -> None:
        for queue in queues:
            await self._register(queue)

    async def _register(self, queue: WorkerQueue) -> None:
        outage = Outage(self._events, f"registering the names of jobs in {queue.ref}")
        while True:
            try:
                await queue.register_names(self._redis, self._names)
                return outage.passed()
            except (RedisError, OSError) as error:
                await asyncio.sleep(outage.failed(error))
