"""Who claims: takes due jobs from one set of one queue whenever a place is free, and waits where there is none.

An idle claimer waits on the queue's wake-up list, so that a job starts within a round trip of its enqueue; as
arq's clients wake nobody, it also looks every `poll_s`, and at the moment when the next deferred job is due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.commands.jobs.claim import Claim, Claimed, Lease, claim, release_claim
from monarq.shared.commands.workers.wake import wake
from monarq.shared.lane import LaneQueue
from monarq.shared.redis.claim_token import make_token
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.control.heartbeat import IdleTime
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.jobs.slots import Slots

_SHORTEST_WAIT_S = 0.01
_LONGEST_WAIT_S = 0.8 * SOCKET_TIMEOUT_S
"""A wait for a wake-up is a call, and a call without a reply for so long would count as failed."""

AT_ONCE = 100
"""The most jobs of one claim. Where more places are free the next claim is under way while these start: a call for a
thousand would hold Redis up, and then Python, for ten milliseconds each, while the other waits."""

PROBATION_S = 2.0
"""How long a job that has crashed all but once too often runs without company: what kills its worker does so soon."""
PROBATION_LOOK_S = 0.01


class Claimer:
    """Claims from one set of one queue.

    1. wait for a free place.
    2. claim as many jobs as there are free places, and start them.
    3. where there was none: wait to be woken, or for the next job's time.
    4. where the reply was lost: give back what that claim may have taken.
    5. where a job has crashed its workers before: let it run alone for a while.
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
        is_held: Callable[[Lease], bool],
        on_empty: Callable[[], None],
        may_start: Callable[[], int | None],
        events: Dispatcher,
    ) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._keys = keys
        self._lane_queue = lane_queue
        self._slots = slots
        self._settings = settings
        self._start = start
        self._is_held = is_held
        self._alone = settings.max_crashes - 1 or None
        self._on_empty = on_empty
        self._may_start = may_start
        self._claims = count(1)
        self._doubtful: list[str] = []
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
                    self._on_empty()
                    await self._wait(claimed.next_due_s)
            except (RedisError, OSError) as error:
                await asyncio.sleep(self._outage.failed(error))

    def idle_time(self) -> IdleTime:
        """How long it has got no job although there was a place; called each second, as the places are read then."""
        now_s = time.monotonic()
        if self._slots.free <= 0 or self._may_start() == 0:
            self._idle_since_s = now_s
        return IdleTime(self._keys.queue, self._lane_queue, round(now_s - self._idle_since_s, 3))

    async def _claim(self) -> Claimed:
        while self._doubtful:  # also by a worker that rests: nobody else could have these jobs before their leases end
            await release_claim(self._redis, self._keys, self._worker_id, self._doubtful[0])
            self._doubtful.pop(0)
        may_start = self._may_start()
        limit = min(self._slots.free, AT_ONCE, AT_ONCE if may_start is None else may_start)
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
            alone=self._alone,
        )
        ends_s = time.monotonic() + self._settings.lease_s
        try:
            claimed = await claim(self._redis, self._keys, asked)
        except BaseException:
            self._doubtful.append(token)
            raise
        if time.monotonic() >= ends_s:
            # The reply took longer than the leases: others may run the jobs by now.
            self._doubtful.append(token)
            return Claimed([], None)
        for lease in claimed.leases:
            lease.ends_s = ends_s
        return claimed

    async def _await_probation(self, leases: list[Lease]) -> None:
        """A job whose next crash is its last gets no company at first: a job must not die of another's crashes.

        And none is claimed before those taken have begun: what kills its worker at once must find none that did not.
        """
        if leases:
            await asyncio.sleep(0)
        if len(leases) == 1 and leases[0].crashes == self._alone:
            # Until its end is acknowledged: one that is killed before would have died of the next.
            until_s = time.monotonic() + PROBATION_S
            while self._is_held(leases[0]) and time.monotonic() < until_s:  # noqa: ASYNC110 - too rare to be told
                await asyncio.sleep(PROBATION_LOOK_S)

    async def _wait(self, next_due_s: float | None) -> None:
        wait_s = min(self._settings.poll_s, _LONGEST_WAIT_S)
        if next_due_s is not None:
            wait_s = min(wait_s, next_due_s)
        if wait_s < _SHORTEST_WAIT_S or self._may_start() == 0:
            # One that may take nothing must not take a wake-up either.
            await asyncio.sleep(wait_s)
            return
        woken = await self._redis.execute_command("BLPOP", self._wake, f"{wait_s:.3f}")  # type: ignore[no-untyped-call]
        if woken and (not self._slots.free or self._may_start() == 0):
            # Another queue's claimer took the places meanwhile, or the worker rests: the wake-up is for another one.
            await wake(self._redis, self._keys, self._lane_queue)

    async def settle(self) -> None:
        """Gives back what a cancelled claim may have taken; call it when `run` has ended."""
        while self._doubtful:
            await release_claim(self._redis, self._keys, self._worker_id, self._doubtful.pop())
