"""The sweeper: recovers the jobs of workers that died unnoticed, such as those of a whole machine that is gone.

With a backlog, such jobs would run last, although they were at the head of the queue when they were claimed. Once their
leases have expired, the sweeper of any worker of the queue moves them back to the head.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.protocol.worker_queue import WorkerSession
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage

MAX_INTERVAL_S: Final = 1.0
"""The longest time between two sweeps; a sweep costs Redis less than a claim that finds nothing."""


class Sweeper:
    """Sweeps the queues of one worker, at least three times per lease time."""

    def __init__(self, *, redis: Redis, sessions: Sequence[WorkerSession], lease_s: float, events: Dispatcher) -> None:
        self._redis = redis
        self._sessions = sessions
        self._interval_s = min(MAX_INTERVAL_S, lease_s / 3)
        self._events = events

    async def run(self) -> None:
        """Sweeps until cancelled."""
        outage = Outage(self._events, "looking for jobs of lost workers")
        while True:
            # With jitter, so that the workers of a pool do not all sweep at the same moment.
            await asyncio.sleep(random.uniform(self._interval_s / 2, self._interval_s))
            try:
                for session in self._sessions:
                    await session.sweep(self._redis)
                outage.passed()
            except (RedisError, OSError) as error:
                await asyncio.sleep(outage.failed(error))
