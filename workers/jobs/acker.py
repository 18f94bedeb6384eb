"""Who acknowledges: sends what runs came to, in batches, until Redis has taken it or the lease is lost.

The runner hands over values and goes on. While one call is on its way, what ends meanwhile gathers for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import chain

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.commands.jobs.crash import Crash, requeue_crashed
from monarq.shared.commands.jobs.finish import Finish, finish
from monarq.shared.commands.jobs.requeue import Requeue, requeue
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import text
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.leases.keeper import LeaseTable

Ack = Finish | Requeue | Crash

BATCH = 500
BATCH_BYTES = 4 * 1024 * 1024


class Acker:
    """Sends the ends of runs.

    1. add: takes what a run came to; never waits.
    2. run: sends batch after batch; a failed call is sent again, as every call may be.
    3. drop the leases that are settled, whether taken or refused.
    4. flush: wait until all is sent.
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
        on_settled: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._table = table
        self._max_dead = max_dead
        self._lanes = lanes
        self._events = events
        self._on_settled = on_settled
        self._pending: list[Ack] = []
        self._failing: set[str] = set()
        self._doubtful: set[bytes] = set()
        self._backoff = Backoff()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, ack: Ack) -> None:
        """Hands over what a run came to."""
        self._pending.append(ack)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                pending, self._pending = self._pending, []
                # What Redis does not take for one queue, whose key is of a wrong type say, holds up no other.
                left = [batch for batch in _batches(pending) if not await self._send(batch)]
                if left:
                    self._pending[:0] = chain.from_iterable(left)
                    await asyncio.sleep(self._backoff.next_s())
            self._backoff.reset()
            self._doubtful.clear()
            self._idle.set()
            self._on_settled()

    async def flush(self) -> None:
        """Waits until everything that was handed over is settled."""
        await self._idle.wait()

    async def _send(self, batch: Sequence[Ack]) -> bool:
        """Sends a batch; False when Redis did not take it, and it is to be sent again."""
        held = self._still_held(batch)
        if not held:
            return True
        keys = held[0].lease.queue
        try:
            refused = await self._call_for(keys, held)()
        except (RedisError, OSError) as error:
            if keys.queue not in self._failing:
                self._failing.add(keys.queue)
                self._events.redis_lost(_doing(keys), error)
            self._doubtful.update(ack.lease.raw_id for ack in held)
            return False
        if keys.queue in self._failing:
            self._failing.remove(keys.queue)
            self._events.redis_back(_doing(keys))
        # What a call without a reply has settled is refused as well: nothing is to be told of that.
        if news := [text(raw_id) for raw_id in refused if raw_id not in self._doubtful]:
            self._events.ack_refused(news)
        for ack in held:
            self._table.drop(ack.lease)
        return True

    def _still_held(self, batch: Sequence[Ack]) -> list[Ack]:
        """Without those whose leases were lost while Redis did not answer: their ends must not be written."""
        return [ack for ack in batch if self._table.holds(ack.lease)]

    def _call_for(self, keys: QueueKeys, batch: Sequence[Ack]) -> Callable[[], Awaitable[list[bytes]]]:
        endings = [ack for ack in batch if isinstance(ack, Finish)]
        if endings:
            return lambda: finish(self._redis, keys, self._worker_id, endings, self._max_dead, self._lanes)
        if returns := [ack for ack in batch if isinstance(ack, Requeue)]:
            return lambda: requeue(self._redis, keys, self._worker_id, returns)
        crashes = [ack for ack in batch if isinstance(ack, Crash)]
        return lambda: requeue_crashed(self._redis, keys, self._worker_id, crashes)


def _doing(keys: QueueKeys) -> str:
    return f"acknowledging jobs of {keys.queue}"


def _batches(pending: Sequence[Ack]) -> Iterator[list[Ack]]:
    """Of one queue and one kind each, and of a size that does not hold Redis up for long."""
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
