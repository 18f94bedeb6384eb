"""Steps that change a queue: pause, purge, and what is done to single jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.native.cancellation import cancel_known
from monarq.shared.formats.native.dead.discard import discard
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.promote import promote
from monarq.shared.formats.native.monitor.native_queue import NativeQueue
from monarq.shared.formats.native.queues import pause as pause_commands
from monarq.shared.formats.native.queues.purge import purge
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.monitor_queue import WaitingState

_LANE_QUEUES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")


class NativeQueueSteps(NativeQueue):
    """See `monarq.shared.protocol.monitor_queue.QueueSteps`."""

    async def pause(self, redis: Redis) -> bool:
        """See the protocol."""
        return bool(await pause_commands.pause(redis, self._keys))

    async def resume(self, redis: Redis) -> bool:
        """See the protocol."""
        return bool(await pause_commands.resume(redis, self._keys))

    async def purge(self, redis: Redis, states: Collection[WaitingState]) -> AsyncIterator[int]:
        """See the protocol."""
        bound = None
        for state in states:
            for lane_queue in _LANE_QUEUES:
                while True:
                    removed, bound = await purge(redis, self._keys, lane_queue, state, bound)
                    if not removed:
                        break
                    yield removed

    async def cancel(self, redis: Redis, job_id: str | bytes) -> CancelAnswer:
        """See the protocol."""
        return await cancel_known(redis, self._keys, job_id)

    async def promote(self, redis: Redis, raw_id: bytes) -> Promoted:
        """See the protocol."""
        return await promote(redis, self._keys, raw_id)

    async def revive(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[Revived]:
        """See the protocol."""
        revived = await revive(redis, self._keys, raw_ids)
        if Revived.BACK in revived:
            with suppress(RedisError, OSError):  # the jobs are enqueued; only the displayed list lacks the queue
                await register_queues(redis, (self._keys.tag,))
        return revived

    async def discard(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[bool]:
        """See the protocol."""
        return await discard(redis, self._keys, raw_ids)
