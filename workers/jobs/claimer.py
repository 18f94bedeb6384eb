"""The claimer: takes due jobs from one set of one queue whenever a slot is free, and waits where no job is due.

An idle claimer waits to be woken, so that a job starts within a round trip of its enqueue. As not every client wakes
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
"""With longer polls, as those of many queues are, each claimer has times of its own. Else all of them would look at one
time for ever, once they were all woken together."""

MAX_CLAIM = 100
"""The most jobs of one claim. Where more slots are free, the next claim is under way while these start: a call for a
thousand would block Redis, and then Python, for ten milliseconds each, while the other waits."""

PROBATION_S = 2.0
"""How long a job whose next crash is its last runs alone: what kills its worker does so soon."""
PROBATION_POLL_S = 0.01


class Claimer:
    """Claims from one set of one queue.

    1. Wait for a free slot.
    2. Claim as many jobs as there are free slots, and start them.
    3. Where no job was due: wait for a wake-up, or until the next job is due.
    4. Where a job has crashed its workers before: let it run alone for a while.

    Args:
        redis: the worker's connection.
        queue: the queue.
        lane_queue: which of the queue's sets.
        slots: the slots of the lanes that run the jobs of this set.
        turn: held while it claims for the free slots; ends by itself where the reply is late, on a cluster.
        poll_s: how often an idle worker looks for jobs for which it was not woken.
        last_chance: with how many crashes a job runs alone; None for no such rule.
        start: starts the claimed jobs.
        table: the leases that the worker holds.
        may_start: how many jobs may be started yet; None for any number.
        maybe_idle: set where no job was due.
        events: hears of what Redis refuses for this queue.
        outage: the outages of Redis, which it shares with other claimers.
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
        """Claims until cancelled; no error of Redis ends it."""
        while True:
            await self._slots.freed.wait()
            if self._outage.holds_back(self):
                await self._outage.wait_for_others()
            try:
                async with self._turn:
                    if self._slots.free <= 0 or self._outage.holds_back(self):
                        continue
                    claimed = await self._claim()
                self._start(claimed.leases)  # before any other claimer counts the slots: no await lies between
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
        """How long it has had a free slot and got no job. Call it each second: it samples the slots."""
        now_s = time.monotonic()
        if self._slots.free <= 0 or self._may_start() == 0:
            self._idle_since_s = now_s
        return IdleTime(self._queue.ref, self._lane_queue, round(now_s - self._idle_since_s, 3))

    async def _recover(self, error: BaseException) -> None:
        """Waits until a call that failed may be repeated."""
        if is_of_server(error):
            await self._outage.failed(self, error)
        else:
            # It is this queue's alone. A connection that broke under a call says nothing of the outage that another
            # claimer has; a reply does.
            if isinstance(error, ResponseError) or not self._outage.holds_back(self):
                self._outage.passed(self)
            await asyncio.sleep(self._refusals.failed(error))

    async def _claim(self) -> Claimed:
        may_start = self._may_start()
        limit = min(self._slots.free, MAX_CLAIM, MAX_CLAIM if may_start is None else may_start)
        # Also where none may be started, so that what a lost claim has taken is given back: nobody else could have it
        # before its leases end.
        return await self._queue.claim(self._redis, self._lane_queue, limit)

    async def _await_probation(self, leases: list[Lease]) -> None:
        """Lets a job whose next crash is its last run alone at first: no job must die of another's crashes.

        Nor is a job claimed before those just claimed have begun: one that kills its worker at once must find no job
        that has not begun.
        """
        if leases:
            await asyncio.sleep(0)
        if len(leases) == 1 and leases[0].crashes == self._last_chance:
            # Until its end is acknowledged: if the worker dies before that, the job is charged its last crash.
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
            # Another queue's claimer took the slots meanwhile, or the worker is paused: the wake-up is for others.
            await self._queue.pass_on_wake_up(self._redis, self._lane_queue)

    def _until_look_s(self) -> float:
        """Seconds until its next look of its own, at the most `poll_s`."""
        if self._poll_s < _SPREAD_FROM_S:
            return self._poll_s
        left_s = self._poll_s - (time.monotonic() - self._looks_at_s) % self._poll_s
        return max(left_s, _SHORTEST_WAIT_S)
