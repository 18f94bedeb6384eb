"""The acker: acknowledges the ends of runs in batches, until Redis has accepted them or the lease is lost.

The runner hands over values and goes on. While one call is under way, what ends meanwhile is gathered for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import chain

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.arq.jobs.crash import requeue_crashed
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.jobs.requeue import requeue
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.replies import text
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.leases.table import LeaseTable

Ack = Finish | Requeue | Crash

BATCH = 500
BATCH_BYTES = 4 * 1024 * 1024


class Acker:
    """Sends acknowledgements.

    1. add: takes the acknowledgement of a run; never waits.
    2. run: sends batch after batch; a failed call is repeated, which is safe for each of them.
    3. Remove the leases that are acknowledged from the table, whether Redis has accepted or refused their ends.
    4. flush: wait until all is sent.

    Args:
        redis: the worker's connection.
        worker_id: its name in Redis.
        table: the leases that it holds.
        max_dead: the most dead letters that a queue keeps.
        lanes: the lanes of jobs by name, where they are not the event loop's.
        events: hears of outages, and of ends that Redis refused.
        maybe_idle: set when all is sent.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        worker_id: str,
        table: LeaseTable,
        max_dead: int,
        lanes: Mapping[str, str],
        events: Dispatcher,
        maybe_idle: asyncio.Event,
    ) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._table = table
        self._max_dead = max_dead
        self._lanes = lanes
        self._events = events
        self._maybe_idle = maybe_idle
        self._pending: list[Ack] = []
        self._failing: set[str] = set()
        self._unconfirmed: set[bytes] = set()
        self._backoff = Backoff()
        self._wake = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()

    def add(self, ack: Ack) -> None:
        """Takes the acknowledgement of a run."""
        self._pending.append(ack)
        self._flushed.clear()
        self._wake.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                pending, self._pending = self._pending, []
                # What Redis does not accept for one queue, say because a key is of a wrong type, delays no other.
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
        """Sends a batch; False when the call failed and must be repeated."""
        held = self._still_held(batch)
        if not held:
            return True
        keys = held[0].lease.queue
        try:
            refused = await self._make_call(keys, held)()
        except (RedisError, OSError) as error:
            if keys.queue not in self._failing:
                self._failing.add(keys.queue)
                self._events.redis_lost(_activity(keys), error)
            self._unconfirmed.update(ack.lease.raw_id for ack in held)
            return False
        if keys.queue in self._failing:
            self._failing.remove(keys.queue)
            self._events.redis_back(_activity(keys))
        # What an earlier call without a reply has written is refused as well, which is no news.
        if newly_refused := [text(raw_id) for raw_id in refused if raw_id not in self._unconfirmed]:
            self._events.ack_refused(newly_refused)
        for ack in held:
            self._table.remove(ack.lease)
        return True

    def _still_held(self, batch: Sequence[Ack]) -> list[Ack]:
        """Those whose leases were not lost while Redis did not answer: the ends of the others must not be written."""
        return [ack for ack in batch if self._table.holds(ack.lease)]

    def _make_call(self, keys: QueueKeys, batch: Sequence[Ack]) -> Callable[[], Awaitable[list[bytes]]]:
        finished = [ack for ack in batch if isinstance(ack, Finish)]
        if finished:
            return lambda: finish(self._redis, keys, self._worker_id, finished, self._max_dead, self._lanes)
        if requeued := [ack for ack in batch if isinstance(ack, Requeue)]:
            return lambda: requeue(self._redis, keys, self._worker_id, requeued)
        crashes = [ack for ack in batch if isinstance(ack, Crash)]
        return lambda: requeue_crashed(self._redis, keys, self._worker_id, crashes)


def _activity(keys: QueueKeys) -> str:
    return f"acknowledging jobs of {keys.queue}"


def _batches(pending: Sequence[Ack]) -> Iterator[list[Ack]]:
    """Batches of one queue and one kind each, of a size that does not block Redis for long."""
    batches: dict[tuple[str, type[Ack]], list[Ack]] = {}
    sizes: dict[tuple[str, type[Ack]], int] = {}
    for ack in pending:
        kind = (ack.lease.queue.queue, type(ack))
        batch = batches.setdefault(kind, [])
        batch.append(ack)
        if isinstance(ack, Finish):
            sizes[kind] = sizes.get(kind, 0) + len(ack.result) + len(ack.dead_letter)
        if len(batch) >= BATCH or sizes.get(kind, 0) > BATCH_BYTES:
            yield batches.pop(kind)
            sizes.pop(kind, None)
    yield from batches.values()
