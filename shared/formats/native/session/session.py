"""A worker's session with its native queues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.formats.native.session.reconciler import reconcile_queue
from monarq.shared.formats.native.session.recovery import Watcher, recover_incarnation
from monarq.shared.formats.native.session.wake_listener import ABORTS, WakeListener
from monarq.shared.formats.native.workers.fleet import beat_fleet_sync, forget_worker
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms

_LANE_QUEUES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")


class NativeWorkerSession:
    """What a worker says to its native queues; see `monarq.shared.protocol.worker_queue.WorkerSession`.

    It is opened on the event loop that it is used on.
    """

    format: Format = "native"

    def __init__(
        self,
        queues: Sequence[str],
        terms: WorkerTerms,
        leases_of: Callable[[QueueRef], list[Lease]],
        on_lost: Callable[[list[Lease]], None],
    ) -> None:
        self._terms = terms
        self._lease_ms = round(terms.lease_s * 1000)
        self._leases_of = leases_of
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self.queues = [NativeWorkerQueue(name, terms, leases_of=leases_of, on_lost=on_lost) for name in queues]
        self._listener = WakeListener(terms.worker_id, self._on_message, self._wake_all)
        self._by_ready_key = {
            queue.keys.list_of(("lane_ready",), lane_queue)[0].encode(): (queue, lane_queue)
            for queue in self.queues
            for lane_queue in _LANE_QUEUES
        }
        self._watcher = Watcher(terms.lease_s)
        self._must_look_for_aborts = False

    async def run(self, redis: Redis) -> None:
        """Listens to wake-ups, and sees to the incarnations, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listener.run(redis), name="monarq-wake-ups")
            group.create_task(self._keep_incarnations(redis), name="monarq-incarnations")

    async def _keep_incarnations(self, redis: Redis) -> None:
        while True:
            await asyncio.sleep(self._terms.lease_s / 3)
            for queue in self.queues:
                with suppress(RedisError, OSError):
                    if not queue.is_doubtful:
                        await queue.retire(redis)
                    if queue.is_doubtful:
                        self._on_lost(await reconcile_queue(redis, queue, self._leases_of(queue.ref)))

    def renew(self, redis: Any, record: bytes, on_lost: Callable[[list[Lease]], None]) -> None:
        """Keeps the worker alive, and what it holds in each queue; called by the lease thread.

        A loss is noticed for all jobs of a queue at once, on the event loop.
        """
        names = [queue.ref.name for queue in self.queues]
        beat_fleet_sync(redis, self._terms.worker_id, self._lease_ms, record, names)
        for queue in self.queues:
            queue.beat(redis, self._loop)

    async def find_aborts(self, redis: Redis, running: Sequence[tuple[Lease, Payload]]) -> list[Lease]:
        """Which of these running jobs somebody wants aborted. Redis is asked where that was told, and else not."""
        by_ref = {queue.ref: queue for queue in self.queues}
        leases = [lease for lease, _ in running if lease.queue in by_ref]
        if self._must_look_for_aborts:
            await self._look_for_aborts(redis, leases)
        return [lease for lease in leases if lease.raw_id in by_ref[lease.queue].aborts]

    async def _look_for_aborts(self, redis: Redis, leases: Sequence[Lease]) -> None:
        self._must_look_for_aborts = False
        client: Any = redis
        try:
            for queue in self.queues:
                raw_ids = [lease.raw_id for lease in leases if lease.queue == queue.ref]
                if raw_ids:
                    asked_ms = await client.zmscore(queue.keys.key("aborts"), raw_ids)
                    queue.aborts.update(raw_id for raw_id, ms in zip(raw_ids, asked_ms, strict=True) if ms is not None)
        except BaseException:
            self._must_look_for_aborts = True
            raise

    async def sweep(self, redis: Redis) -> None:
        """Takes back the jobs of workers that have been silent for a lease."""
        if not await self._watcher.may_accuse(redis):
            return
        for queue in self.queues:
            for incarnation in queue.take_overdue():
                await recover_incarnation(redis, queue.keys, incarnation, self._lease_ms)
        await self._watcher.recover_silent(redis, self._lease_ms)

    async def deregister(self, redis: Redis) -> None:
        """Ends the incarnations that hold nothing, and the worker's record where none holds anything."""
        for queue in self.queues:
            await queue.retire(redis)
            if queue.is_doubtful and not self._leases_of(queue.ref):
                await reconcile_queue(redis, queue, [])
                await queue.retire(redis)
        if not any(queue.incarnation.may_be_open for queue in self.queues):
            await forget_worker(redis, self._terms.worker_id)

    def _on_message(self, message: bytes) -> None:
        if message == ABORTS:
            self._must_look_for_aborts = True
            return
        found = self._by_ready_key.get(message)
        if found is not None:
            queue, lane_queue = found
            queue.wake_up(lane_queue)

    def _wake_all(self) -> None:
        self._must_look_for_aborts = True
        for queue in self.queues:
            for lane_queue in _LANE_QUEUES:
                queue.wake_up(lane_queue)
