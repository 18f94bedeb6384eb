"""A worker's session with its native queues."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.formats.native.session.reconciler import reconcile_queue
from monarq.shared.formats.native.session.recovery import Watcher, overdue_incarnations, recover_incarnation
from monarq.shared.formats.native.session.wake_listener import ABORTS, WakeListener
from monarq.shared.formats.native.workers.fleet import MOST_QUEUES, beat_fleet_sync, forget_worker
from monarq.shared.formats.native.workers.wake import stop_waking
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms

_LANE_QUEUES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")
_LOOKS_A_S: Final = 20.0
_LIST_EVERY_S: Final = 3600.0


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
        self._by_ref = {queue.ref: queue for queue in self.queues}
        self._in_turn = cycle(self.queues)
        self._watcher = Watcher(terms.lease_s)
        self._listed_until_s = -math.inf
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
                try:
                    await self._keep_incarnation(redis, queue)
                except ResponseError:
                    continue  # it is this queue's alone
                except (RedisError, OSError):
                    break

    async def _keep_incarnation(self, redis: Redis, queue: NativeWorkerQueue) -> None:
        if queue.has_forgotten_claim:  # say, as other queues' jobs have taken the places
            await queue.release_forgotten_claims(redis)
        if queue.is_doubtful and queue.incarnation.is_open:
            self._on_lost(await reconcile_queue(redis, queue, self._leases_of(queue.ref)))
        else:
            await queue.retire(redis)

    def renew(self, redis: Any, record: bytes, on_lost: Callable[[list[Lease]], None]) -> None:
        """Keeps what it holds in each queue alive, and then the worker's record; called by the lease thread.

        A loss is noticed for all jobs of a queue at once, on the event loop. What one queue refuses keeps no other from
        being renewed.
        """
        refusals: list[ResponseError] = []
        for queue in self.queues:
            try:
                queue.beat(redis, self._loop)
            except ResponseError as error:
                refusals.append(error)
        self._beat_fleet(redis, record)
        if refusals:
            raise refusals[0]

    def _beat_fleet(self, redis: Any, record: bytes) -> None:
        """Each hour the queues are put on the list of all queues, too."""
        now_s = time.monotonic()
        names = [queue.ref.name for queue in self.queues[:MOST_QUEUES]] if now_s >= self._listed_until_s else []
        beat_fleet_sync(redis, self._terms.worker_id, self._lease_ms, record, names)
        if names:
            self._listed_until_s = now_s + _LIST_EVERY_S

    async def find_aborts(self, redis: Redis, running: Sequence[tuple[Lease, Payload]]) -> list[Lease]:
        """Which of these running jobs somebody wants aborted. Redis is asked where that was told, and else not."""
        leases = [lease for lease, _ in running]
        if self._must_look_for_aborts:
            await self._look_for_aborts(redis, leases)
        return [lease for lease in leases if lease in self._by_ref[lease.queue].aborts]

    async def _look_for_aborts(self, redis: Redis, leases: Sequence[Lease]) -> None:
        self._must_look_for_aborts = False
        client: Any = redis
        try:
            for ref in {lease.queue for lease in leases}:
                queue, of_queue = self._by_ref[ref], [lease for lease in leases if lease.queue == ref]
                asked_ms = await client.zmscore(queue.keys.key("aborts"), [lease.raw_id for lease in of_queue])
                queue.aborts.update(lease for lease, ms in zip(of_queue, asked_ms, strict=True) if ms is not None)
        except BaseException:
            self._must_look_for_aborts = True
            raise

    async def sweep(self, redis: Redis) -> None:
        """Takes back the jobs of workers that have been silent for a lease."""
        if not await self._watcher.may_accuse(redis):
            return
        for queue in self.queues:
            await self._recover(redis, queue, queue.take_overdue())
        queue = next(self._in_turn)
        # Where nobody holds anything, no beat tells of an incarnation that came back with an earlier state of Redis.
        await self._recover(redis, queue, await overdue_incarnations(redis, queue.keys, self._watcher.redis_ms))
        await self._watcher.recover_silent(redis, self._lease_ms)

    async def _recover(self, redis: Redis, queue: NativeWorkerQueue, incarnations: Sequence[str]) -> None:
        for incarnation in incarnations:
            if incarnation != queue.incarnation.name:  # it lives: this is it
                await recover_incarnation(redis, queue.keys, incarnation, self._lease_ms)

    async def deregister(self, redis: Redis) -> None:
        """Ends the incarnations that hold nothing, and the worker's record where none holds anything.

        What they hold and the worker does not know of is given back.
        """
        await stop_waking(redis, [queue.keys for queue in self.queues], self._terms.worker_id)
        for queue in self.queues:
            await queue.retire(redis)
            if queue.is_doubtful and queue.incarnation.is_open:
                await self._keep_incarnation(redis, queue)
                await queue.retire(redis)
        if not any(queue.incarnation.may_be_open for queue in self.queues):
            await forget_worker(redis, self._terms.worker_id)

    def poll_s(self, wanted_s: float, lane_queues: int) -> float:
        """As all who put jobs in wake workers, many queues need not be looked at as often as one."""
        return max(wanted_s, lane_queues * len(self.queues) / _LOOKS_A_S)

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
