"""Steps that change a queue: pause, purge, and what is done to single jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.dead.discard import discard
from monarq.shared.formats.arq.dead.revive import revive
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.jobs.promote import promote
from monarq.shared.formats.arq.keys import PARKED_SCORE
from monarq.shared.formats.arq.monitor.arq_queue import ArqQueue
from monarq.shared.formats.arq.queues import pause as pause_commands
from monarq.shared.formats.arq.queues.purge import purge
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.monitor_queue import WaitingState
from monarq.shared.redis.clock import read_now_ms

MOST_PASSES: Final = 5
"""The most passes of a purge over a queue in which jobs start and end meanwhile."""

_LANE_QUEUES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")


class ArqQueueSteps(ArqQueue):
    """See `monarq.shared.protocol.monitor_queue.QueueSteps`."""

    async def pause(self, redis: Redis) -> bool:
        """See the protocol."""
        return bool(await pause_commands.pause(redis, self._keys))

    async def resume(self, redis: Redis) -> bool:
        """See the protocol."""
        return bool(await pause_commands.resume(redis, self._keys))

    async def purge(self, redis: Redis, states: Collection[WaitingState]) -> AsyncIterator[int]:
        """See the protocol."""
        now_ms = await read_now_ms(redis)
        bounds = {"queued": ("-inf", str(now_ms)), "deferred": (f"({now_ms}", f"({PARKED_SCORE}")}
        for state in states:
            for lane_queue in _LANE_QUEUES:
                for _ in range(MOST_PASSES):
                    removed_in_pass = 0
                    async for removed in self._purge_range(redis, lane_queue, *bounds[state]):
                        removed_in_pass += removed
                        yield removed
                    if not removed_in_pass:
                        break

    async def _purge_range(self, redis: Redis, lane_queue: LaneQueue, lowest: str, highest: str) -> AsyncIterator[int]:
        skip = 0
        while True:
            removed, runs = await purge(redis, self._keys, lane_queue, lowest, highest, skip)
            if removed:
                yield removed
            if not removed and not runs:
                return
            skip += runs

    async def cancel(self, redis: Redis, job_id: str | bytes) -> CancelAnswer:
        """See the protocol."""
        return await cancel(redis, self._keys, job_id)

    async def promote(self, redis: Redis, raw_id: bytes) -> Promoted:
        """See the protocol."""
        return await promote(redis, self._keys, raw_id)

    async def revive(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[Revived]:
        """See the protocol."""
        return await revive(redis, self._keys, raw_ids)

    async def discard(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[bool]:
        """See the protocol."""
        return await discard(redis, self._keys, raw_ids)
