"""Who looks after jobs whose worker is gone without anybody having seen it die: a whole machine, say.

Such jobs are free when their leases end. But behind a backlog they would be the last, though they were at the head of
the queue when they were claimed; the sweeper of any worker of the queue puts them there again. It also forgets requests
for aborts of jobs that are no more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.commands.workers.recover import sweep
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage

EVERY_S: Final = 1.0
"""How often it looks, at the most: it costs Redis less than a claim that finds nothing."""


class Sweeper:
    """Sweeps the queues of one worker, a few times a lease."""

    def __init__(self, *, redis: Redis, queues: Sequence[QueueKeys], lease_s: float, events: Dispatcher) -> None:
        self._redis = redis
        self._queues = queues
        self._every_s = min(EVERY_S, lease_s / 3)
        self._events = events

    async def run(self) -> None:
        """Sweeps until cancelled."""
        outage = Outage(self._events, "looking for jobs of lost workers")
        while True:
            # With jitter, so that the workers of a pool do not all look at the same moment.
            await asyncio.sleep(random.uniform(self._every_s / 2, self._every_s))
            try:
                for keys in self._queues:
                    await sweep(self._redis, keys)
                outage.passed()
            except (RedisError, OSError) as error:
                await asyncio.sleep(outage.failed(error))
