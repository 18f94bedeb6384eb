"""The claimer: takes due jobs from one set of one queue whenever a slot is free, and waits where no job is due.

An idle claimer waits on the queue's wake-up list, so that a job starts within a round trip of its enqueue. As arq's
clients wake nobody, it also polls every `poll_s`, and when the next deferred job is due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.arq.claim_token import make_token
from monarq.shared.formats.arq.jobs.claim import Claim, claim, release_claim
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.wake import wake
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Claimed, Lease
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.control.heartbeat import IdleTime
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.jobs.slots import Slots
from monarq.workers.leases.table import LeaseTable

_SHORTEST_WAIT_S = 0.01
_LONGEST_WAIT_S = 0.8 * SOCKET_TIMEOUT_S
"""The wait for a wake-up is one call to Redis, and a call without a reply for longer counts as failed."""

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
    4. Where the reply was lost: release what that claim may have taken.
    5. Where a job has crashed its workers before: let it run alone for a while.

    Args:
        redis: the worker's connection.
        worker_id: its name in Redis.
        keys: the queue's keys.
        lane_queue: which of the queue's sets.
        slots: the slots of the lanes that run the jobs of this set.
        settings: the worker's settings.
        start: starts a claimed job.
        table: the leases that the worker holds.
        may_start: how many jobs may be started yet; None for any number.
        maybe_idle: set where no job was due.
        events: hears of outages.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        worker_id: str,
        keys: QueueKeys,
        lane_queue: LaneQueue,
        slots: Slots,
        settings: WorkerSettings,
        start: Callable[[Lease], None],
        table: LeaseTable,
        may_start: Callable[[], int | None],
        maybe_idle: asyncio.Event,
        events: Dispatcher,
    ) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._keys = keys
        self._lane_queue = lane_queue
        self._slots = slots
        self._settings = settings
        self._start = start
        self._table = table
        self._last_chance = settings.max_crashes - 1 or None
        self._may_start = may_start
        self._maybe_idle = maybe_idle
        self._claims = count(1)
        self._unconfirmed: list[str] = []
        self._outage = Outage(events, f"claiming from {keys.queue}")
        self._wake = keys.wake(lane_queue)
        self._idle_since_s = time.monotonic()

    async def run(self) -> None:
        """Claims until cancelled; no error of Redis ends it."""
        while True:
            await self._slots.freed.wait()
            try:
                async with self._slots.turn:
                    if self._slots.free <= 0:
                        continue
                    claimed = await self._claim()
                    for lease in claimed.leases:
                        self._start(lease)
                self._outage.passed()
                await self._await_probation(claimed.leases)
                if claimed.leases:
                    self._idle_since_s = time.monotonic()
                else:
                    self._maybe_idle.set()
                    await self._wait(claimed.next_due_s)
            except (RedisError, OSError) as error:
                await asyncio.sleep(self._outage.failed(error))

    def idle_time(self) -> IdleTime:
        """How long it has had a free slot and got no job. Call it each second: it samples the slots."""
        now_s = time.monotonic()
        if self._slots.free <= 0 or self._may_start() == 0:
            self._idle_since_s = now_s
        return IdleTime(self._keys.queue, self._lane_queue, round(now_s - self._idle_since_s, 3))

    async def _claim(self) -> Claimed:
        while self._unconfirmed:  # also by a paused worker: nobody else could have these jobs before their leases end
            await release_claim(self._redis, self._keys, self._worker_id, self._unconfirmed[0])
            self._unconfirmed.pop(0)
        may_start = self._may_start()
        limit = min(self._slots.free, MAX_CLAIM, MAX_CLAIM if may_start is None else may_start)
        if limit == 0:
            return Claimed([], None)
        token = make_token(self._worker_id, self._lane_queue, next(self._claims))
        asked = Claim(
            worker=self._worker_id,
            token=token,
            lane_queue=self._lane_queue,
            lease_ms=round(self._settings.lease_s * 1000),
            limit=limit,
            max_payload=self._settings.max_payload,
            alone=self._last_chance,
        )
        ends_s = time.monotonic() + self._settings.lease_s
        try:
            claimed = await claim(self._redis, self._keys, asked)
        except BaseException:
            self._unconfirmed.append(token)
            raise
        if time.monotonic() >= ends_s:
            # The reply took longer than the leases: others may run the jobs by now.
            self._unconfirmed.append(token)
            return Claimed([], None)
        for lease in claimed.leases:
            lease.ends_s = ends_s
        return claimed

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
        wait_s = min(self._settings.poll_s, _LONGEST_WAIT_S)
        if next_due_s is not None:
            wait_s = min(wait_s, next_due_s)
        if wait_s < _SHORTEST_WAIT_S or self._may_start() == 0:
            # A worker that may claim nothing must not consume a wake-up either.
            await asyncio.sleep(wait_s)
            return
        woken = await self._redis.execute_command("BLPOP", self._wake, f"{wait_s:.3f}")  # type: ignore[no-untyped-call]
        if woken and (not self._slots.free or self._may_start() == 0):
            # Another queue's claimer took the slots meanwhile, or the worker is paused: the wake-up is for others.
            await wake(self._redis, self._keys, self._lane_queue)

    async def release_unconfirmed(self) -> None:
        """Releases what a cancelled claim may have taken; call it when `run` has ended."""
        while self._unconfirmed:
            await release_claim(self._redis, self._keys, self._worker_id, self._unconfirmed.pop())
