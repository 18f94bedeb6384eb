"""The acker: acknowledges the outcomes of runs in batches, until Redis has accepted them or the lease is lost.

The runner passes outcomes and continues. Runs that end during a call are collected for the next call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.protocol.acks import Ack, Crash, Finish, Requeue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.shared.redis.backoff import Backoff
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.leases.table import LeaseTable

BATCH = 500
BATCH_BYTES = 4 * 1024 * 1024


class Acker:
    """Sends acknowledgements.

    1. add: takes the acknowledgement of a run; never waits.
    2. run: sends batch after batch; a failed call is retried, which is safe for all of them.
    3. Removes acknowledged leases from the table, whether Redis has accepted or refused the outcomes.
    4. flush: waits until everything is sent.

    Args:
        redis: the worker's connection.
        queues: its queues.
        table: the leases that it holds.
        events: notified of outages, and of outcomes that Redis refused.
        maybe_idle: set when everything is sent.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        queues: Mapping[QueueRef, WorkerQueue],
        table: LeaseTable,
        events: Dispatcher,
        maybe_idle: asyncio.Event,
    ) -> None:
        self._redis = redis
        self._queues = queues
        self._table = table
        self._events = events
        self._maybe_idle = maybe_idle
        self._pending: list[Ack] = []
        self._failing: set[QueueRef] = set()
        self._unconfirmed: set[bytes] = set()
        self._backoff = Backoff()
        self._wake = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()

    def add(self, ack: Ack) -> None:
        """Takes the acknowledgement of a run."""
        if not self._pending:
            self._flushed.clear()
            self._wake.set()
        self._pending.append(ack)

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                pending, self._pending = self._pending, []
                # If Redis refuses a call for one queue, for instance because a key has the wrong type, others go on.
                unsent = [batch for batch in _batches(pending) if not await self._send(batch)]
                if unsent:
                    self._pending[:0] = chain.from_iterable(unsent)
                    await asyncio.sleep(self._backoff.next_s())
            self._backoff.reset()
            self._unconfirmed.clear()
            self._flushed.set()
            self._maybe_idle.set()

    async def flush(self) -> None:
        """Waits until everything that was added is sent."""
        await self._flushed.wait()

    async def _send(self, batch: Sequence[Ack]) -> bool:
        """Sends a batch; returns False if the call failed and must be retried."""
        held = self._still_held(batch)
        if not held:
            return True
        queue = held[0].lease.queue
        try:
            refused = await self._make_call(self._queues[queue], held)()
        except (RedisError, OSError) as error:
            if queue not in self._failing:
                self._failing.add(queue)
                self._events.redis_lost(_activity(queue), error)
            self._unconfirmed.update(ack.lease.raw_id for ack in held)
            return False
        if queue in self._failing:
            self._failing.remove(queue)
            self._events.redis_back(_activity(queue))
        # Outcomes that an earlier call without a reply has written are refused too; that need not be reported.
        if newly_refused := set(refused) - self._unconfirmed:
            self._events.ack_refused([ack for ack in held if ack.lease.raw_id in newly_refused])
        self._table.remove_all(queue, [ack.lease for ack in held])
        return True

    def _still_held(self, batch: Sequence[Ack]) -> list[Ack]:
        """The acks whose leases were not lost while Redis did not answer; the other outcomes must not be written."""
        held = self._table.by_id(batch[0].lease.queue)
        return [ack for ack in batch if held.get(ack.lease.raw_id) is ack.lease]

    def _make_call(self, queue: WorkerQueue, batch: Sequence[Ack]) -> Callable[[], Awaitable[list[bytes]]]:
        kind = type(batch[0])  # the same for all of them
        if kind is Finish:
            return lambda: queue.finish(self._redis, cast("Sequence[Finish]", batch))
        if kind is Requeue:
            return lambda: queue.requeue(self._redis, cast("Sequence[Requeue]", batch))
        return lambda: queue.requeue_crashed(self._redis, cast("Sequence[Crash]", batch))


def _activity(queue: QueueRef) -> str:
    return f"acknowledging jobs of {queue}"


def _batches(pending: Iterable[Ack]) -> Iterator[list[Ack]]:
    """Batches of one queue and kind each, small enough not to block Redis for long."""
    alike: dict[tuple[QueueRef, type[Ack]], list[Ack]] = {}
    for ack in pending:
        kind = (ack.lease.queue, ack.__class__)
        if kind in alike:
            alike[kind].append(ack)
        else:
            alike[kind] = [ack]
    for acks in alike.values():
        yield from _cut(acks)


def _cut(acks: list[Ack]) -> Iterator[list[Ack]]:
    """Batches of acknowledgements of one kind."""
    is_finish = type(acks[0]) is Finish
    sizes = (
        [len(ack.result) + len(ack.dead_letter) for ack in cast("list[Finish]", acks)] if is_finish else [0] * len(acks)
    )
    if len(acks) <= BATCH and sum(sizes) <= BATCH_BYTES:
        yield acks
        return
    begin = size = 0
    for end, more in enumerate(sizes, start=1):
        size += more
        if end - begin == BATCH or size > BATCH_BYTES or end == len(acks):
            yield acks[begin:end]
            begin, size = end, 0
