"""When a worker in burst mode has done what there was to do.

The worker's service asks; whatever may have been the last job's end sets the event that is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.redis.keys import QueueKeys
from monarq.workers.leases.table import LeaseTable


class Burst:
    """Waits for the end of a burst.

    Args:
        queues: the worker's queues.
        table: the leases that it holds.
        quiet: set at each end of a job, and where a claim found none.
        running: how many jobs run.
        may_start: how many jobs may be started yet; None for any number.
        put_back: the ids of jobs that the worker does not know and has put back, by the name of their queue.
    """

    def __init__(
        self,
        *,
        queues: Sequence[QueueKeys],
        table: LeaseTable,
        quiet: asyncio.Event,
        running: Callable[[], int],
        may_start: Callable[[], int | None],
        put_back: Mapping[str, Collection[bytes]],
    ) -> None:
        self._queues = queues
        self._table = table
        self._quiet = quiet
        self._running = running
        self._may_start = may_start
        self._put_back = put_back

    async def until_done(self, redis: Redis) -> None:
        """Returns when no job is left, or as many were started as may be."""
        while True:
            await self._quiet.wait()
            self._quiet.clear()
            if self._running():
                continue
            if self._may_start() == 0 or (not len(self._table) and await self._all_empty(redis)):
                return

    async def _all_empty(self, redis: Redis) -> bool:
        """Whether no queue has a job for this worker: a paused one has none, and a burst does not wait for people."""
        with suppress(RedisError, OSError):
            return not any(
                [await self._left(redis, keys) and not await redis.exists(keys.paused) for keys in self._queues]
            )
        return False

    async def _left(self, redis: Redis, keys: QueueKeys) -> int:
        """How many jobs of a queue are left, but for those that others are to run."""
        left = int(await redis.zcard(keys.queue))
        unknown = list(self._put_back.get(keys.queue, ()))
        if left and unknown:
            scores = await redis.execute_command("ZMSCORE", keys.queue, *unknown)  # type: ignore[no-untyped-call]
            left -= sum(score is not None for score in scores)
        return left
