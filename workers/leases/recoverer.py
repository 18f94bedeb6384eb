"""Gives back at once what a dead worker held, so that its jobs need not wait for their leases to end.

The supervisor begins a repair for each worker that ended without a farewell. Where the Redis has no URL (a user's own
pool, Sentinel) it asks a live worker to do it. Repeating a repair changes nothing, and one that never gets through
loses nothing: the leases end by themselves.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.control.messages import Ready
from monarq.workers.supervisor.log import SupervisorLog

if TYPE_CHECKING:
    from redis.asyncio import Redis

AT_EXIT_S: Final = 3.0
"""How long a process that has nothing else to do waits for repairs."""


class Repairer:
    """Repairs in the background."""

    def __init__(self, log: SupervisorLog) -> None:
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, dead: Ready, what: str, redis: Redis) -> None:
        """Begins to free the jobs of a dead worker, and to count a crash for each.

        Args:
            dead: what it said when it was ready.
            what: what happened to it, in a few words.
            redis: a client of the jobs' Redis, which is closed in the end.
        """
        task = asyncio.get_running_loop().create_task(self._repair(dead, what, redis))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Waits for the repairs that have begun, but not for long."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=AT_EXIT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _repair(self, dead: Ready, what: str, redis: Redis) -> None:
        try:
            async with asyncio.timeout(dead.lease_s):  # by then the leases have done it
                freed = [await self._repair_queue(redis, dead, QueueKeys.of(queue), what) for queue in dead.queues]
            self._log.jobs_freed(dead, sum(freed))
        except TimeoutError:
            self._log.jobs_left_to_leases(dead)
        finally:
            await redis.aclose()

    async def _repair_queue(self, redis: Redis, dead: Ready, keys: QueueKeys, what: str) -> int:
        from redis.exceptions import RedisError  # put off, as the command: most supervisors never repair

        from monarq.shared.commands.workers.recover import repair

        backoff = Backoff()
        while True:
            try:
                return len(await repair(redis, keys, dead.worker_id, what))
            except (RedisError, OSError) as error:
                if not backoff.failing:
                    self._log.repair_failed(dead, error)
                await asyncio.sleep(backoff.next_s())
