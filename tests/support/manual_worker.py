"""A manual worker: claims and ends jobs with a worker's calls when the test says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.formats.choice.sessions import open_sessions
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.codec import MSGPACK, Codec, Codecs
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.formats import current_queue
from tests.support.queues import terms_of
from tests.support.slowness import in_time

WORKER = "manual"


class ManualWorker:
    """To Redis, a worker of one queue.

    Args:
        redis: its Redis client.
        queue: its queue. Default: this test's.
        codec: the codec of its results.
    """

    def __init__(self, redis: Redis, queue: QueueRef | None = None, codec: Codec = MSGPACK) -> None:
        self.redis = redis
        self.codec = codec
        self._held: list[Lease] = []
        terms = terms_of(WORKER, lease_s=15.0, max_payload=1 << 30, max_dead=1000)
        [session] = open_sessions([queue or current_queue()], terms, lambda _: self._held, lambda _: None)
        [self.queue] = session.queues

    async def claim(self, limit: int = 1000, lane_queue: LaneQueue = "io") -> list[Lease]:
        """Claims due jobs, at most this many."""
        leases = (await self.queue.claim(self.redis, lane_queue, limit)).leases
        self._held += leases
        return leases

    async def claim_soon(self, count: int = 1, lane_queue: LaneQueue = "io") -> list[Lease]:
        """Waits until it has claimed this many jobs."""
        leases: list[Lease] = []
        async with in_time(10):
            while len(leases) < count:
                leases += await self.claim(count - len(leases), lane_queue)
                await asyncio.sleep(0.005)
        return leases

    async def end(self, *leases: Lease, value: object = None, success: bool = True, keep_ms: int = 60_000) -> None:
        """Ends the jobs with this value; a callable is called with each payload."""
        endings = []
        for lease in leases:
            payload = self.payload(lease)
            result = value(payload) if callable(value) else value
            data = result_bytes(payload, lease.job_id, result, success, self.codec, self.queue.ref.name)
            endings.append(Finish(lease, success, data, keep_ms, payload.name))
            self._held.remove(lease)
        assert await self.queue.finish(self.redis, endings) == []

    async def report(self, reports: Sequence[tuple[Lease, bytes]], keep_ms: int = 60_000) -> None:
        """Reports the progress of jobs."""
        assert await self.queue.report_progress(self.redis, reports, keep_ms) == []

    def payload(self, lease: Lease) -> Payload:
        """The payload that was enqueued."""
        assert isinstance(lease.payload, bytes)
        return Payload.read(lease.payload, Codecs(allow_pickle=True))


def result_bytes(
    payload: Payload, job_id: str, value: object, success: bool, codec: Codec = MSGPACK, queue: str = DEFAULT_QUEUE
) -> bytes:
    """A result as workers write it."""
    now_ms = time.time_ns() // 1_000_000
    data: dict[str, Any] = {"t": 1, "f": payload.name, "a": payload.args, "k": payload.kwargs, "et": payload.enqueue_ms}
    data |= {"s": success, "r": value, "st": now_ms, "ft": now_ms, "q": queue, "id": job_id}
    return codec.dumps(data)


async def end_like_arq(redis: Redis, job_id: str, result: bytes | None, queue: str = DEFAULT_QUEUE) -> None:
    """Ends a job like arq's own workers, without a message."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.delete(names.in_progress(job_id), names.job(job_id), names.retry(job_id))
        pipe.zrem(queue, job_id)
        if result is not None:
            pipe.set(names.result(job_id), result, px=60_000)
        await pipe.execute()
