"""The recoverer: puts a dead worker's jobs back into their queues at once, without waiting for their leases to expire.

The supervisor starts a recovery for each worker that ended without handing everything back. If the Redis has no URL
(the user's own pool or settings), it asks a live worker to do it. Repeating a recovery changes nothing, and one that
fails loses nothing: the leases expire by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.backoff import Backoff
from monarq.workers.control.messages import Ready
from monarq.workers.reporting.process_log import RecoveryLog

if TYPE_CHECKING:
    from redis.asyncio import Redis

_T = TypeVar("_T")

AT_EXIT_S: Final = 3.0
"""How long a process with nothing else to do waits for recoveries."""


class Recoverer:
    """Recovers jobs in the background."""

    def __init__(self, log: RecoveryLog) -> None:
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, dead: Ready, reason: str, redis: Redis) -> None:
        """Starts to put the jobs of a dead worker back, counting a crash for each.

        Args:
            dead: the dead worker's `Ready`.
            reason: what happened to it, in a few words.
            redis: a client of the jobs' Redis, which is closed at the end.
        """
        task = asyncio.get_running_loop().create_task(self._recover(dead, reason, redis))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Waits a short time for the recoveries that have started."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=AT_EXIT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _recover(self, dead: Ready, reason: str, redis: Redis) -> None:
        try:
            async with asyncio.timeout(dead.lease_s):  # by then the leases have expired
                freed = await self._recover_all(redis, dead, reason)
                await self._forget(redis, dead)
            self._log.jobs_recovered(dead.worker_id, freed)
        except TimeoutError:
            self._log.jobs_left_to_leases(dead.worker_id, dead.lease_s)
        finally:
            await redis.aclose()

    async def _recover_all(self, redis: Redis, dead: Ready, reason: str) -> int:
        from monarq.shared.redis.servers import is_cluster

        if not is_cluster(redis):
            return sum([await self._recover_queue(redis, dead, queue, reason) for queue in dead.queues])
        # No queue waits for another one whose node is down.
        return sum(await asyncio.gather(*(self._recover_queue(redis, dead, queue, reason) for queue in dead.queues)))

    async def _recover_queue(self, redis: Redis, dead: Ready, queue: QueueRef, reason: str) -> int:
        from monarq.shared.formats.choice.supervision import recover  # deferred: most supervisors never recover a job

        return await self._until_done(dead, lambda: recover(redis, queue, dead.worker_id, reason))

    async def _forget(self, redis: Redis, dead: Ready) -> None:
        from monarq.shared.formats.choice.supervision import forget  # deferred too

        await self._until_done(dead, lambda: forget(redis, dead.queues, dead.worker_id))

    async def _until_done(self, dead: Ready, call: Callable[[], Awaitable[_T]]) -> _T:
        from redis.exceptions import RedisError  # deferred too

        backoff = Backoff()
        while True:
            try:
                return await call()
            except (RedisError, OSError) as error:
                if not backoff.failing:
                    self._log.recovery_failed(dead.worker_id, error)
                await asyncio.sleep(backoff.next_s())
