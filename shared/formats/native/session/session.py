"""A worker's session with its native queues."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from monarq.shared.formats.native.keys import FLEET_BEATS
from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.formats.native.session.reconciler import reconcile_queue
from monarq.shared.formats.native.session.recovery import (
    overdue_incarnations,
    recover_incarnation,
    recover_silent,
)
from monarq.shared.formats.native.session.wake_listener import CANCELS, WakeListener
from monarq.shared.formats.native.session.watchers import Watchers
from monarq.shared.formats.native.shard_ref import tag_of_ref
from monarq.shared.formats.native.workers.fleet import MOST_QUEUES, beat_fleet_sync, forget_worker
from monarq.shared.formats.native.workers.leases import tidy
from monarq.shared.formats.native.workers.wake import stop_waking
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms
from monarq.shared.redis.servers import call_servers, visit_servers

_LANE_QUEUES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")
_LOOKS_A_S: Final = 20.0
_LIST_EVERY_S: Final = 3600.0


class NativeWorkerSession:
    """The session; see `monarq.shared.protocol.worker_queue.WorkerSession`.

    It must be opened on the event loop on which it is used.
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
        # Periodic work is done only for these, so that thousands of idle queues cost nothing.
        self._in_use: dict[NativeWorkerQueue, None] = {}
        self.queues = [
            NativeWorkerQueue(name, terms, leases_of=leases_of, on_lost=on_lost, in_use=self._in_use) for name in queues
        ]
        self._keys = [_key_of(queue) for queue in self.queues]
        self._listener = WakeListener(terms.worker_id, self._on_message, self._wake_all, self._keys)
        self._by_queued_key: dict[bytes, tuple[NativeWorkerQueue, LaneQueue]] = {}
        self._by_tag: dict[str, NativeWorkerQueue] = {}
        for queue in self.queues:
            self._list(queue)
        self._turn = 0
        self._watchers = Watchers(terms.lease_s)
        self._listed_until_s = -math.inf
        self._cancels_told = 0  # the number of notifications of cancellations
        self._wants_wake_ups = True

    def add_queue(self, tag: str) -> NativeWorkerQueue:
        """Starts to serve another shard of one of its queues."""
        queue = NativeWorkerQueue(
            tag, self._terms, leases_of=self._leases_of, on_lost=self._on_lost, in_use=self._in_use
        )
        self._list(queue)
        self.queues.append(queue)
        self._keys.append(_key_of(queue))
        return queue

    def _list(self, queue: NativeWorkerQueue) -> None:
        self._by_tag[queue.keys.tag] = queue
        for lane_queue in _LANE_QUEUES:
            self._by_queued_key[queue.keys.list_of(("lane_queued",), lane_queue)[0].encode()] = queue, lane_queue

    async def run(self, redis: Redis) -> None:
        """Listens for wake-ups, and maintains the incarnations, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listener.run(redis), name="monarq-wake-ups")
            group.create_task(self._keep_incarnations(redis), name="monarq-incarnations")

    async def _keep_incarnations(self, redis: Redis) -> None:
        while True:
            await asyncio.sleep(self._terms.lease_s / 3)
            await self._keep_all(redis)

    async def _keep_all(self, redis: Redis) -> None:
        await visit_servers(redis, list(self._in_use), _key_of, partial(self._keep_on_server, redis))

    async def _keep_on_server(self, redis: Redis, queues: Sequence[NativeWorkerQueue]) -> None:
        for queue in queues:
            try:
                await self._keep_incarnation(redis, queue)
            except ResponseError:
                continue  # it concerns only this queue
            except (RedisError, OSError):
                break
            if not queue.needs_care:
                del self._in_use[queue]

    async def _keep_incarnation(self, redis: Redis, queue: NativeWorkerQueue) -> None:
        if queue.has_forgotten_claim:  # for example because jobs of other queues took the slots
            await queue.release_unconfirmed(redis)
        if queue.is_doubtful and queue.incarnation.is_open:
            self._on_lost(await reconcile_queue(redis, queue, self._leases_of(queue.ref)))
        else:
            await queue.retire(redis)
        await queue.count_lost(redis)

    def renew(self, redis: Any, record: bytes, on_lost: Callable[[list[Lease]], None]) -> None:
        """Renews its leases in each queue, and then the worker's record; called by the lease thread.

        A loss is detected for all jobs of a queue at once, on the event loop. Neither an error of one queue nor an
        unreachable node of a cluster keeps the others from being renewed.
        """
        in_use = list(self._in_use)  # copied in one step, as claims continue
        calls = [(_key_of(queue), partial(queue.beat, redis, self._loop)) for queue in in_use]
        calls.append((FLEET_BEATS, partial(self._beat_fleet, redis, record)))
        call_servers(redis, calls, self._terms.lease_s / 3)

    def _beat_fleet(self, redis: Any, record: bytes) -> None:
        """Once an hour, also puts the queues on the list of all queues."""
        now_s = time.monotonic()
        names = list(dict.fromkeys(queue.ref.name for queue in self.queues)) if now_s >= self._listed_until_s else []
        beat_fleet_sync(redis, self._terms.worker_id, self._lease_ms, record, names[:MOST_QUEUES])
        if names:
            self._listed_until_s = now_s + _LIST_EVERY_S

    async def find_cancels(self, redis: Redis, running: Sequence[tuple[Lease, Payload]]) -> list[Lease]:
        """Those of these running jobs whose cancellation was requested. Redis is asked only after a notification."""
        leases = [lease for lease, _ in running]
        queues = [self._by_tag[tag] for tag in {tag_of_ref(lease.queue) for lease in leases}]
        if unread := [queue for queue in queues if queue.cancels_read != self._cancels_told]:
            await self._look_for_cancels(redis, unread, leases)
        return [lease for lease in leases if lease in self._by_tag[tag_of_ref(lease.queue)].cancels]

    async def _look_for_cancels(
        self, redis: Redis, unread: Sequence[NativeWorkerQueue], leases: Sequence[Lease]
    ) -> None:
        told = self._cancels_told  # more notifications may come meanwhile

        async def look(queues: Sequence[NativeWorkerQueue]) -> None:
            client: Any = redis
            for queue in queues:
                of_queue = [lease for lease in leases if tag_of_ref(lease.queue) == queue.keys.tag]
                asked_ms = await client.zmscore(queue.keys.key("cancels"), [lease.raw_id for lease in of_queue])
                queue.cancels.update(lease for lease, ms in zip(of_queue, asked_ms, strict=True) if ms is not None)
                queue.cancels_read = told

        await visit_servers(redis, unread, _key_of, look)

    async def sweep(self, redis: Redis) -> None:
        """Takes back the jobs of workers that have been silent for a lease."""
        failure = await self._watchers.look(redis, [FLEET_BEATS, *map(_key_of, self.queues)])
        self._turn += 1
        await visit_servers(redis, tuple(self.queues), _key_of, partial(self._sweep_server, redis))
        if self._watchers.may_accuse(redis, FLEET_BEATS):
            await recover_silent(redis, self._lease_ms, partial(self._watchers.may_accuse, redis))
        if failure is not None:
            raise failure
        await self._tidy_one(redis)

    async def _tidy_one(self, redis: Redis) -> None:
        """Beats also tidy up, but only if a job is held for longer than the interval between them."""
        with suppress(ResponseError):  # such as a key of a wrong type: it concerns only this queue
            await tidy(redis, self.queues[self._turn % len(self.queues)].keys)

    async def _sweep_server(self, redis: Redis, queues: Sequence[NativeWorkerQueue]) -> None:
        if not self._watchers.may_accuse(redis, _key_of(queues[0])):
            return
        for queue in [each for each in queues if each in self._in_use]:
            await self._recover(redis, queue, queue.take_overdue())
        queue = queues[self._turn % len(queues)]
        # If nobody holds jobs, no beat reports an incarnation that came back with an earlier state of Redis.
        now_ms = self._watchers.redis_ms(redis, _key_of(queue))
        await self._recover(redis, queue, await overdue_incarnations(redis, queue.keys, now_ms))

    async def _recover(self, redis: Redis, queue: NativeWorkerQueue, incarnations: Sequence[str]) -> None:
        for incarnation in incarnations:
            if incarnation != queue.incarnation.name:  # this is our own, which is alive
                await recover_incarnation(redis, queue.keys, incarnation, self._lease_ms)

    async def refuse_wake_ups(self, redis: Redis) -> None:
        """Removes the worker from the lists of those to be woken."""
        await visit_servers(redis, tuple(self.queues), _key_of, partial(self._refuse_wake_ups, redis))
        self._wants_wake_ups = False

    async def _refuse_wake_ups(self, redis: Redis, queues: Sequence[NativeWorkerQueue]) -> None:
        await stop_waking(redis, [queue.keys for queue in queues], self._terms.worker_id)

    async def deregister(self, redis: Redis) -> None:
        """Ends the incarnations that hold nothing, and deletes the worker's record if none holds anything.

        Jobs that they hold but the worker does not know are given back.
        """
        await visit_servers(redis, tuple(self.queues), _key_of, partial(self._leave, redis))
        if not any(queue.incarnation.may_be_open for queue in self._in_use):
            await forget_worker(redis, self._terms.worker_id)

    async def _leave(self, redis: Redis, queues: Sequence[NativeWorkerQueue]) -> None:
        if self._wants_wake_ups:  # Redis may have been away before
            await self._refuse_wake_ups(redis, queues)
        for queue in [each for each in queues if each in self._in_use]:
            await queue.retire(redis)
            if queue.is_doubtful and queue.incarnation.is_open:
                await self._keep_incarnation(redis, queue)
                await queue.retire(redis)
            await queue.count_lost(redis)

    def poll_s(self, wanted_s: float, lane_queues: int) -> float:
        """As every enqueue wakes workers, many queues need not be polled as often as one."""
        return max(wanted_s, lane_queues * len(self.queues) / _LOOKS_A_S)

    def _on_message(self, message: bytes) -> None:
        if message == CANCELS:
            self._cancels_told += 1
            return
        found = self._by_queued_key.get(message)
        if found is not None:
            queue, lane_queue = found
            queue.wake_up(lane_queue)

    def _wake_all(self) -> None:
        self._cancels_told += 1
        for queue in self.queues:
            for lane_queue in _LANE_QUEUES:
                queue.wake_up(lane_queue)


def _key_of(queue: NativeWorkerQueue) -> str:
    """A key on the queue's server."""
    return queue.key
