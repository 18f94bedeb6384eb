"""Steps that change a queue, in each of its shards, or in the shard of a job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.sharded.letter_transfer import transfer_letter
from monarq.shared.formats.native.sharded.monitor.sharded_queue import ShardedQueue
from monarq.shared.formats.native.shards import MoreShardsError, Shards, tag_of
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.dead_letters import BATCH
from monarq.shared.protocol.monitor_queue import WaitingState
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.scripts import check_batch


class ShardedQueueSteps(ShardedQueue):
    """See `monarq.shared.protocol.monitor_queue.QueueSteps`."""

    async def pause(self, redis: Redis) -> bool:
        """See the protocol."""
        shards = await self._shards(redis)
        return all([await shard.pause(redis) for shard in self._all(shards)])

    async def resume(self, redis: Redis) -> bool:
        """See the protocol."""
        shards = await self._shards(redis)
        return any([await shard.resume(redis) for shard in self._all(shards)])

    async def purge(self, redis: Redis, states: Collection[WaitingState]) -> AsyncIterator[int]:
        """See the protocol; one shard after the other."""
        for shard in self._all(await self._shards(redis)):
            async for removed in shard.purge(redis, states):
                yield removed

    async def cancel(self, redis: Redis, job_id: str | bytes) -> CancelAnswer:
        """See the protocol."""
        raw_id = job_id if isinstance(job_id, bytes) else job_id.encode("utf-8", "surrogateescape")
        return await self._first_to_know(
            redis, raw_id, lambda shard: shard.cancel(redis, raw_id), lambda given: given is not CancelAnswer.UNKNOWN
        )

    async def promote(self, redis: Redis, raw_id: bytes) -> Promoted:
        """See the protocol."""
        return await self._first_to_know(
            redis, raw_id, lambda shard: shard.promote(redis, raw_id), lambda given: given is not Promoted.UNKNOWN
        )

    async def revive(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[Revived]:
        """See the protocol. A letter whose id belongs to another shard now becomes a job in that shard."""
        check_batch(raw_ids, BATCH)
        try:
            shards = await self._shards(redis)
            found = await self._revive(redis, raw_ids, shards)
        except MoreShardsError as error:
            found = await self._revive(redis, raw_ids, error.shards)
        if Revived.BACK in found:
            with suppress(RedisError, OSError):  # the jobs are enqueued; only the displayed list lacks the queue
                await register_queues(redis, (self._name,))
        return found

    async def _revive(self, redis: Redis, raw_ids: Sequence[bytes], shards: Shards) -> list[Revived]:
        found: dict[bytes, Revived] = {}
        for home, ids in _homes(raw_ids, shards).items():
            keys, at = NativeKeys.of(tag_of(self._name, home)), 0
            while at < len(ids):
                codes = await revive(redis, keys, ids[at:], shards.count)
                found |= dict(zip(ids[at:], codes, strict=False))
                at += len(codes)
        missing = [raw_id for raw_id, code in found.items() if code is Revived.NO_LETTER]
        if missing and shards.count > 1:
            now_ms = await read_now_ms(redis)
            for raw_id in missing:
                for other in shards.homes(raw_id, now_ms)[1:]:
                    if found[raw_id] is Revived.NO_LETTER:
                        found[raw_id] = await transfer_letter(redis, self._name, raw_id, other, shards)
        return [found[raw_id] for raw_id in raw_ids]

    async def discard(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[bool]:
        """See the protocol."""
        shards = await self._shards(redis)
        was_there: dict[bytes, bool] = dict.fromkeys(raw_ids, False)
        for at in range(shards.most_homes):
            missing = [raw_id for raw_id, was in was_there.items() if not was]
            for shard, ids in await self._by_home(redis, missing, at):
                was_there |= dict(zip(ids, await shard.discard(redis, ids), strict=True))
        return [was_there[raw_id] for raw_id in raw_ids]


def _homes(raw_ids: Sequence[bytes], shards: Shards) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for raw_id in raw_ids:
        found.setdefault(shards.home(raw_id), []).append(raw_id)
    return found
