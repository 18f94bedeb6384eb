"""The claimer: takes due jobs from one set of one queue whenever a slot is free, and waits if no job is due.

An idle claimer waits to be woken, so that a job starts within a round trip of its enqueue. Since not every client wakes
workers, it also polls every `poll_s`, and when the next deferred job is due.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Claimed, Lease
from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.workers.control.heartbeat import IdleTime
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage, SharedOutage, is_of_server
from monarq.workers.jobs.slots import Slots
from monarq.workers.leases.table import LeaseTable

_SHORTEST_WAIT_S = 0.01

_SPREAD_FROM_S = 2.0
"""With longer poll intervals, as with many queues, each claimer polls at its own times. Otherwise claimers that once
woke together would always poll together."""

MAX_CLAIM = 100
"""The most jobs of one claim. If more slots are free, the next claim is under way while these start: a call for a
thousand would first block Redis and then Python for ten milliseconds, while the other waits."""

PROBATION_S = 2.0
"""How long a job whose next crash would be its last runs alone: a job that kills its worker usually does so soon."""
PROBATION_POLL_S = 0.01


class Claimer:
    """Claims from one set of one queue.

    1. Wait for a free slot.
    2. Claim as many jobs as there are free slots, and start them.
    3. If no job was due: wait for a wake-up, or until the next job is due.
    4. If a job has crashed its workers before: let it run alone for a while.

    Args:
        redis: the worker's connection.
        queue: the queue.
        lane_queue: which of the queue's sets.
        slots: the slots of the lanes that run the jobs of this set.
        turn: held while it claims for the free slots; on a cluster, it ends by itself if the reply is late.
        poll_s: how often an idle worker polls for jobs that did not wake it.
        last_chance: the number of crashes after which a job runs alone; None for no such rule.
        start: starts the claimed jobs.
        table: the leases that the worker holds.
        may_start: how many more jobs may be started; None for any number.
        maybe_idle: set if no job was due.
        events: notified of calls for this queue that Redis refuses.
        outage: the Redis outages, shared with other claimers.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        queue: WorkerQueue,
        lane_queue: LaneQueue,
        slots: Slots,
        turn: AbstractAsyncContextManager[None],
        poll_s: float,
        last_chance: int | None,
        start: Callable[[Sequence[Lease]], None],
        table: LeaseTable,
        may_start: Callable[[], int | None],
        maybe_idle: asyncio.Event,
        events: Dispatcher,
        outage: SharedOutage,
    ) -> None:
        self._redis = redis
        self._queue = queue
        self._lane_queue = lane_queue
        self._slots = slots
        self._turn = turn
        self._poll_s = poll_s
        self._last_chance = last_chance
        self._start = start
        self._table = table
        self._may_start = may_start
        self._maybe_idle = maybe_idle
        self._refusals = Outage(events, f"claiming from {queue.ref}")
        self._outage = outage
        self._looks_at_s = random.uniform(0, poll_s)
        self._idle_since_s = time.monotonic()

    async def run(self) -> None:
        """Claims until cancelled; Redis errors do not end it."""
        while True:
            await self._slots.freed.wait()
            if self._outage.holds_back(self):
                await self._outage.wait_for_others()
            try:
                async with self._turn:
                    if self._slots.free <= 0 or self._outage.holds_back(self):
                        continue
                    claimed = await self._claim()
                self._start(claimed.leases)  # before another claimer counts the slots: no await in between
                self._outage.passed(self)
                self._refusals.passed()
                await self._await_probation(claimed.leases)
                if claimed.leases:
                    self._idle_since_s = time.monotonic()
                else:
                    self._maybe_idle.set()
                    await self._wait(claimed.next_due_s)
            except (RedisError, OSError) as error:
                await self._recover(error)

    def idle_time(self) -> IdleTime:
        """How long it has had a free slot and got no job. Call it every second: it samples the slots."""
        now_s = time.monotonic()
        if self._slots.free <= 0 or self._may_start() == 0:
            self._idle_since_s = now_s
        return IdleTime(self._queue.ref, self._lane_queue, round(now_s - self._idle_since_s, 3))

    async def _recover(self, error: BaseException) -> None:
        """Waits until a failed call may be retried."""
        if is_of_server(error):
            await self._outage.failed(self, error)
        else:
            # The error concerns only this queue. A connection that broke during a call does not end another claimer's
            # outage; a reply does.
            if isinstance(error, ResponseError) or not self._outage.holds_back(self):
                self._outage.passed(self)
            await asyncio.sleep(self._refusals.failed(error))

    async def _claim(self) -> Claimed:
        may_start = self._may_start()
        limit = min(self._slots.free, MAX_CLAIM, MAX_CLAIM if may_start is None else may_start)
        # Even if none may be started, so that the jobs of a claim without a reply are released: nobody else could get
        # them before their leases expire.
        return await self._queue.claim(self._redis, self._lane_queue, limit)

    async def _await_probation(self, leases: list[Lease]) -> None:
        """Lets a job whose next crash would be its last run alone at first: no job must die of another's crashes.

        Nor does it claim before the jobs just claimed have started: a job that kills its worker at once must not affect
        jobs that have not started.
        """
        if leases:
            await asyncio.sleep(0)
        if len(leases) == 1 and leases[0].crashes == self._last_chance:
            # Until its outcome is acknowledged: if the worker dies before that, the crash counts for the job.
            until_s = time.monotonic() + PROBATION_S
            while self._table.holds(leases[0]) and time.monotonic() < until_s:  # noqa: ASYNC110 - too rare for an event
                await asyncio.sleep(PROBATION_POLL_S)

    async def _wait(self, next_due_s: float | None) -> None:
        wait_s = self._until_look_s()
        if next_due_s is not None:
            wait_s = min(wait_s, next_due_s)
        if wait_s < _SHORTEST_WAIT_S or self._may_start() == 0:
            # A worker that may claim nothing must not consume a wake-up either.
            await asyncio.sleep(wait_s)
            return
        woken = await self._queue.wait(self._redis, self._lane_queue, wait_s)
        if woken and (self._slots.free <= 0 or self._may_start() == 0):
            # Another queue's claimer has taken the slots, or the worker is paused: leave the wake-up to others.
            await self._queue.pass_on_wake_up(self._redis, self._lane_queue)

    def _until_look_s(self) -> float:
        """Seconds until it polls next; at most `poll_s`."""
        if self._poll_s < _SPREAD_FROM_S:
            return self._poll_s
        left_s = self._poll_s - (time.monotonic() - self._looks_at_s) % self._poll_s
        return max(left_s, _SHORTEST_WAIT_S)
