"""The real scripts of arq's format as the source of a move, in the model's time, in a database of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

import redis as blocking_redis

from monarq.shared.errors import MoveRefusedError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.queues.pause import resume
from monarq.shared.formats.arq.transfer.source import ArqMoveSource
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import Dropped, MovedJob
from tests.model.native.calls import Word
from tests.model.native.clock import Clock
from tests.model.native.guards import Guard
from tests.model.native.model_time import ms_of, second_of
from tests.model.native.source_queue import SourceJob
from tests.model.native.terms import LEASE
from tests.model.native.virtual_redis import VirtualRedis
from tests.model.stopped_scripts import now

T = TypeVar("T")

SOURCE: Final = QueueRef("old", "arq")
TARGET: Final = QueueRef("q", "native")
WORKER: Final = "w1"


class RealSource:
    """A queue in arq's format. Its worker renews no lease, and a lease is as long as in the model.

    Args:
        client: the connection of the target; another one is opened, to the next database.
        clock: the model's time.
        guards: the scripts heed all.
    """

    def __init__(self, client: blocking_redis.Redis, clock: Clock, guards: Collection[Guard]) -> None:
        options = client.connection_pool.connection_kwargs | {"db": 1}
        pool = blocking_redis.ConnectionPool(
            connection_class=client.connection_pool.connection_class, max_connections=1, **options
        )
        self._client: Any = blocking_redis.Redis(connection_pool=pool, single_connection_client=True)
        self._redis: Any = VirtualRedis(self._client, lambda: ms_of(clock.now))
        self._keys = QueueKeys.of(SOURCE.name)
        self._source = ArqMoveSource(SOURCE.name)
        self._claims = 0
        self._held: dict[str, Lease] = {}
        self._taken: dict[str, MovedJob] = {}
        self._clock = clock

    def __del__(self) -> None:
        self._client.close()

    def put(self, job: SourceJob, *, again: bool) -> Word:
        mode = EnqueueMode.REPEATED if again else EnqueueMode.NAMED
        placement = Placement(due_ms=ms_of(job.score), name="send")
        jobs = [(job.job_id, b"%d" % job.payload)]
        [code] = now(enqueue(self._redis, self._keys, placement, mode, jobs))
        return {Enqueued.ADDED: Word.IN, Enqueued.EXISTED: Word.EXISTED, Enqueued.ENDED: Word.UNKNOWN}[code]

    def claim(self) -> SourceJob | None:
        self._claims += 1
        asked = Claim(WORKER, f"{WORKER}:{self._claims}", "io", ms_of(LEASE) - ms_of(0), 1, 1000)
        found = now(claim(self._redis, self._keys, asked)).leases
        if not found:
            return None
        [lease] = found
        self._held[lease.job_id] = lease
        return SourceJob(lease.job_id, int(lease.payload), 0)

    def end(self, job: SourceJob) -> bool:
        done = Finish(self._held.pop(job.job_id), True, b"result", -1, "send")
        return not now(finish(self._redis, self._keys, WORKER, [done], 100))

    def cancel(self, job_id: str) -> bool:
        return now(cancel(self._redis, self._keys, job_id)) is not CancelAnswer.UNKNOWN

    def resume(self) -> bool:
        try:
            now(resume(self._redis, self._keys))
        except MoveRefusedError:
            return False
        return True

    def begin(self, run: str) -> None:
        now(self._source.begin(self._redis, TARGET, run))

    def take(self, run: str, limit: int) -> tuple[SourceJob, ...] | None:
        """The first page from which anything can be moved."""
        skip = 0
        while True:
            page = self._of_run(lambda: now(self._source.take(self._redis, run, "io", skip, limit)))  # noqa: B023
            if page is None or page.is_end:
                return None if page is None else ()
            if page.jobs:
                self._taken |= {job.raw_id.decode(): job for job in page.jobs}
                return tuple(map(self._job, page.jobs))
            skip += page.looked

    @staticmethod
    def _job(job: MovedJob) -> SourceJob:
        due, payload = second_of(job.due_ms), int(job.payload)
        return SourceJob(job.raw_id.decode(), payload, due, job.tries, job.crashes, job.cancel_asked_ms is not None)

    def drop(self, run: str, job: SourceJob) -> Word | None:
        taken = self._taken[job.job_id]
        if job.cancelled and not taken.request:
            request = b"%.1f" % self._client.zscore(names.ABORT, job.job_id)
            taken = MovedJob(taken.raw_id, taken.payload, "io", taken.due_ms, request=request)
        answers = self._of_run(lambda: now(self._source.drop(self._redis, run, [taken])))
        if answers is None:
            return None
        return {Dropped.GONE: Word.DONE, Dropped.ASKED: Word.ASKED}.get(answers[0].what, Word.LOST)

    @staticmethod
    def _of_run(call: Callable[[], T]) -> T | None:
        try:
            return call()
        except MoveRefusedError:
            return None

    def close(self, run: str) -> None:
        now(self._source.close(self._redis, run))

    def waiting(self) -> dict[str, int]:
        ids = [raw_id.decode() for raw_id in self._client.zrange(SOURCE.name, 0, -1)]
        payloads = self._client.mget(map(names.job, ids)) if ids else []
        return {job_id: int(payload) for job_id, payload in zip(ids, payloads, strict=True) if payload is not None}

    def is_asked(self, job_id: str) -> bool:
        return self._client.zscore(names.ABORT, job_id) is not None
