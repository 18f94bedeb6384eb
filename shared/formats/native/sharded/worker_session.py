"""A worker's session with native queues with any number of shards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.native.session.session import NativeWorkerSession
from monarq.shared.formats.native.shard_ref import tag_of_ref
from monarq.shared.formats.native.sharded.worker_queue import ShardedWorkerQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms


class ShardedWorkerSession:
    """See `monarq.shared.protocol.worker_queue.WorkerSession`.

    Each shard is like a queue of `NativeWorkerSession`, with its own beats, wake-ups and recoveries.
    """

    format: Format = "native"

    def __init__(
        self,
        queues: Sequence[str],
        terms: WorkerTerms,
        leases_of: Callable[[QueueRef], list[Lease]],
        on_lost: Callable[[list[Lease]], None],
    ) -> None:
        self._leases_of_queue = leases_of
        self._session = session = NativeWorkerSession(queues, terms, self._leases_of, on_lost)
        self.queues: Sequence[ShardedWorkerQueue] = [
            ShardedWorkerQueue(queue, session.add_queue) for queue in session.queues
        ]
        self._by_name = {queue.ref.name: queue for queue in self.queues}

    def poll_s(self, wanted_s: float, lane_queues: int) -> float:
        """How often a claimer polls without being woken."""
        return self._session.poll_s(wanted_s, lane_queues)

    async def run(self, redis: Redis) -> None:
        """Listens for wake-ups, and maintains the incarnations, until cancelled."""
        await self._session.run(redis)

    def renew(self, redis: Any, record: bytes, on_lost: Callable[[list[Lease]], None]) -> None:
        """Renews its leases in each shard, and the worker's record; called by the lease thread."""
        self._session.renew(redis, record, on_lost)

    async def find_cancels(self, redis: Redis, running: Sequence[tuple[Lease, Payload]]) -> list[Lease]:
        """Those of these running jobs whose cancellation was requested."""
        return await self._session.find_cancels(redis, running)

    async def sweep(self, redis: Redis) -> None:
        """Takes back the jobs of workers that have been silent for a lease."""
        await self._session.sweep(redis)

    async def refuse_wake_ups(self, redis: Redis) -> None:
        """Leaves wake-ups to others."""
        await self._session.refuse_wake_ups(redis)

    async def deregister(self, redis: Redis) -> None:
        """Ends the incarnations that hold nothing, and deletes the worker's record if none holds anything."""
        await self._session.deregister(redis)

    def _leases_of(self, shard: QueueRef) -> list[Lease]:
        leases, queue = self._leases_of_queue(shard), self._by_name[shard.name]
        if queue.count == 1:
            return leases
        tag = tag_of_ref(shard)
        return [lease for lease in leases if tag_of_ref(lease.queue) == tag and not queue.is_answered(lease)]
