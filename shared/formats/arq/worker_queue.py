"""A queue in arq's format, for one worker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.claim_token import make_token
from monarq.shared.formats.arq.jobs.cancel import is_cancel_of
from monarq.shared.formats.arq.jobs.claim import Claim, claim, release_claim
from monarq.shared.formats.arq.jobs.crash import requeue_crashed
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.jobs.progress import report_progress
from monarq.shared.formats.arq.jobs.requeue import requeue
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.register_names import BATCH as NAMES_BATCH
from monarq.shared.formats.arq.workers.register_names import register_names
from monarq.shared.formats.arq.workers.wake import wake
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.lease import Claimed, Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S

_LONGEST_WAIT_S: Final = 0.8 * SOCKET_TIMEOUT_S
"""The longest wait for a wake-up, which is one call to Redis: a longer one would count as failed."""


class ArqWorkerQueue:
    """One queue; see `monarq.shared.protocol.worker_queue.WorkerQueue`.

    A claim whose reply is lost may have leased jobs that nobody runs. Its token is kept, and its jobs are released
    before the next claim.
    """

    def __init__(self, name: str, terms: WorkerTerms) -> None:
        self.keys = QueueKeys.of(name)
        self._terms = terms
        self._lease_ms = round(terms.lease_s * 1000)
        self._claims = count(1)
        self._unconfirmed: dict[LaneQueue, list[str]] = {"io": [], "cpu": []}

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        return self.keys.ref

    @property
    def key(self) -> str:
        """A key on the queue's server."""
        return self.keys.queue

    @property
    def keeps_calls(self) -> bool:
        """Results have all of arq's fields: arq's clients read them."""
        return True

    async def claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        """Leases at most `limit` due jobs; earlier claims are released even if that is 0."""
        terms, unconfirmed = self._terms, self._unconfirmed[lane_queue]
        while unconfirmed:
            await release_claim(redis, self.keys, terms.worker_id, unconfirmed[0])
            unconfirmed.pop(0)
        if limit == 0:
            return Claimed([], None)
        token = make_token(terms.worker_id, lane_queue, next(self._claims))
        asked = Claim(
            worker=terms.worker_id,
            token=token,
            lane_queue=lane_queue,
            lease_ms=self._lease_ms,
            limit=limit,
            max_payload=terms.max_payload,
            alone=terms.last_chance,
        )
        ends_s = time.monotonic() + terms.lease_s
        try:
            claimed = await claim(redis, self.keys, asked)
        except BaseException:
            unconfirmed.append(token)
            raise
        if time.monotonic() >= ends_s:
            # The reply took longer than the leases: others may run the jobs by now.
            unconfirmed.append(token)
            return Claimed([], None)
        for lease in claimed.leases:
            lease.ends_s = ends_s
        return claimed

    async def release_unconfirmed(self, redis: Redis) -> None:
        """Releases jobs that claims without a reply may have taken."""
        for tokens in self._unconfirmed.values():
            while tokens:
                await release_claim(redis, self.keys, self._terms.worker_id, tokens[-1])
                tokens.pop()

    async def wait(self, redis: Redis, lane_queue: LaneQueue, wait_s: float) -> bool:
        """Waits on the wake-up list of the lane queue. The caller must not wait long, as arq's clients wake nobody."""
        wait_s = min(wait_s, _LONGEST_WAIT_S)
        call = ("BLPOP", self.keys.wake(lane_queue), f"{wait_s:.3f}")
        return bool(await redis.execute_command(*call))  # type: ignore[no-untyped-call]

    async def pass_on_wake_up(self, redis: Redis, lane_queue: LaneQueue) -> None:
        """Wakes another worker."""
        await wake(redis, self.keys, lane_queue)

    async def finish(self, redis: Redis, finished: Sequence[Finish]) -> list[bytes]:
        """Ends jobs for good."""
        terms = self._terms
        return await finish(redis, self.keys, terms.worker_id, finished, terms.max_dead, terms.lanes)

    async def requeue(self, redis: Redis, requeued: Sequence[Requeue]) -> list[bytes]:
        """Returns jobs to the queue."""
        return await requeue(redis, self.keys, self._terms.worker_id, requeued)

    async def requeue_crashed(self, redis: Redis, crashes: Sequence[Crash]) -> list[bytes]:
        """Returns jobs whose process has died."""
        return await requeue_crashed(redis, self.keys, self._terms.worker_id, crashes)

    async def report_progress(self, redis: Redis, reports: Sequence[tuple[Lease, bytes]], keep_ms: int) -> list[bytes]:
        """Reports the progress of running jobs."""
        return await report_progress(redis, self.keys, self._terms.worker_id, reports, keep_ms)

    async def register_names(self, redis: Redis, names: Sequence[str]) -> int:
        """Registers the names of jobs that the worker knows."""
        batches = [names[at : at + NAMES_BATCH] for at in range(0, len(names), NAMES_BATCH)]
        return sum([await register_names(redis, self.keys, batch) for batch in batches])

    async def has_work(self, redis: Redis, apart_from: Iterable[bytes]) -> bool:
        """Whether a job waits, is deferred or runs, apart from these, in a queue that is not paused."""
        remaining = int(await redis.zcard(self.keys.queue))
        others = list(apart_from)
        if remaining and others:
            scores = await redis.execute_command("ZMSCORE", self.keys.queue, *others)  # type: ignore[no-untyped-call]
            remaining -= sum(score is not None for score in scores)
        return remaining > 0 and not await redis.exists(self.keys.paused)

    def is_cancel_of(self, asked_ms: float, payload: Payload) -> bool:
        """Whether a cancellation request is for this job."""
        return is_cancel_of(asked_ms, payload)
