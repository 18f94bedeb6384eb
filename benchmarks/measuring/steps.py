"""The steps of a job as Redis sees them, without a worker: enqueue, claim and finish with either format's scripts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from typing import Final, Protocol

from monarq.shared.formats.arq.jobs import claim as arq_claim
from monarq.shared.formats.arq.jobs import enqueue as arq_enqueue
from monarq.shared.formats.arq.jobs import finish as arq_finish
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.formats.native.jobs import claim as native_claim
from monarq.shared.formats.native.jobs import enqueue as native_enqueue
from monarq.shared.formats.native.jobs import finish as native_finish
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.producer import NativeProducerQueue
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import write_payload
from monarq.shared.payloads.result import write_result
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.queue import Queue
from monarq.shared.redis.client import RedisClient

KEEP_MS: Final = 3_600_000
LEASE_MS: Final = 15_000
MAX_PAYLOAD: Final = 8_000_000
MAX_DEAD: Final = 10_000
FINISHED_A_CALL: Final = 500
"""The most that a worker sends per call."""

WORKER: Final = "bench:1:00"
PLACEMENT: Final = Placement(name="noop")


class Steps(Protocol):
    """The steps of one format; each call has a batch of jobs."""

    async def enqueue(self, batch: int) -> None:
        """Enqueues a batch of no-op jobs."""
        ...

    @property
    def queue(self) -> Queue:
        """The queue."""
        ...

    async def claim(self, batch: int) -> list[Finish]:
        """Claims a batch of jobs; returns their ends, with results."""
        ...

    async def finish(self, ends: Sequence[Finish]) -> None:
        """Finishes jobs."""
        ...

    async def claim_and_finish(self, batch: int) -> int:
        """Claims a batch of jobs and finishes them with results; returns their number."""
        ...


def steps_of(queue_format: Format, redis: RedisClient) -> Steps:
    """The steps of a format."""
    return NativeSteps(redis) if queue_format == "native" else ArqSteps(redis)


class _Job:
    """A no-op job's data in Redis."""

    def __init__(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        self.payload = write_payload(MSGPACK, "noop", (1,), {}, now_ms)
        self.result = {"t": 1, "f": "noop", "et": now_ms, "s": True, "r": None, "st": now_ms, "ft": now_ms}


class ArqSteps:
    """The steps of arq's format."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._keys = QueueKeys.of(DEFAULT_QUEUE)
        self._queue = ArqProducerQueue.of(DEFAULT_QUEUE)
        self._claims = count(1)
        job = _Job()
        self._payload = job.payload
        whole = {**job.result, "a": (1,), "k": {}, "q": DEFAULT_QUEUE, "id": "0" * 32}
        self._result, _ = write_result(MSGPACK, whole)

    async def enqueue(self, batch: int) -> None:
        """Enqueues a batch of no-op jobs."""
        jobs = [(job_id, self._payload) for job_id in self._queue.new_job_ids(batch)]
        await arq_enqueue.enqueue(self._redis, self._keys, PLACEMENT, EnqueueMode.NEW, jobs)

    @property
    def queue(self) -> Queue:
        """The queue."""
        return Queue(DEFAULT_QUEUE, format="arq")

    async def claim(self, batch: int) -> list[Finish]:
        """Claims a batch of jobs."""
        token = f"{WORKER}:io:{next(self._claims)}:0"
        asked = arq_claim.Claim(WORKER, token, "io", LEASE_MS, batch, MAX_PAYLOAD)
        claimed = await arq_claim.claim(self._redis, self._keys, asked)
        return [Finish(lease, True, self._result, KEEP_MS, "noop", run_ms=0) for lease in claimed.leases]

    async def finish(self, ends: Sequence[Finish]) -> None:
        """Finishes jobs."""
        for at in range(0, len(ends), FINISHED_A_CALL):
            page = ends[at : at + FINISHED_A_CALL]
            await arq_finish.finish(self._redis, self._keys, WORKER, page, MAX_DEAD)

    async def claim_and_finish(self, batch: int) -> int:
        """Claims a batch of jobs and finishes them with results."""
        ends = await self.claim(batch)
        await self.finish(ends)
        return len(ends)


class NativeSteps:
    """The steps of the native format."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._ref = QueueRef("bench", "native")
        self._keys = NativeKeys.of("bench")
        self._queue = NativeProducerQueue(self._ref)
        self._incarnation = f"{WORKER}.1"
        self._claims = count(1)
        self._calls = count(1)
        job = _Job()
        self._payload = job.payload
        self._result, _ = write_result(MSGPACK, job.result)

    async def enqueue(self, batch: int) -> None:
        """Enqueues a batch of no-op jobs."""
        jobs = [(job_id, self._payload) for job_id in self._queue.new_job_ids(batch)]
        call = f"bench-{next(self._calls)}"
        await native_enqueue.enqueue(self._redis, self._keys, call, PLACEMENT, EnqueueMode.NEW, jobs)

    @property
    def queue(self) -> Queue:
        """The queue."""
        return Queue(self._ref.name)

    async def claim(self, batch: int) -> list[Finish]:
        """Claims a batch of jobs."""
        asked = native_claim.Claim(
            incarnation=self._incarnation,
            worker=WORKER,
            lane_queue="io",
            number=next(self._claims),
            limit=batch,
            lease_ms=LEASE_MS,
            max_payload=MAX_PAYLOAD,
            is_first=True,
        )
        reply = await native_claim.claim(self._redis, self._keys, asked)
        ends = []
        for raw_id, payload in zip(reply.ids, reply.payloads, strict=True):
            due_ms = reply.now_ms - 1
            lease = Lease(self._ref, raw_id, "", asked.token, "io", payload, 0, 0, "", due_ms, None, reply.now_ms)
            ends.append(Finish(lease, True, self._result, KEEP_MS, "noop", run_ms=0))
        return ends

    async def finish(self, ends: Sequence[Finish]) -> None:
        """Finishes jobs."""
        for at in range(0, len(ends), FINISHED_A_CALL):
            page = ends[at : at + FINISHED_A_CALL]
            await native_finish.finish(
                self._redis, self._keys, self._incarnation, page, max_dead=MAX_DEAD, lanes={}, with_results=False
            )

    async def claim_and_finish(self, batch: int) -> int:
        """Claims a batch of jobs and finishes them with results."""
        ends = await self.claim(batch)
        await self.finish(ends)
        return len(ends)
