"""A manual worker: claims and ends jobs by the bare commands, when the test says so."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.codec import MSGPACK, Codec, Codecs
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.lease import Lease
from tests.support.slowness import in_time

WORKER = "manual"


class ManualWorker:
    """A worker of one queue, as far as Redis can tell."""

    def __init__(self, redis: Redis, queue: str = DEFAULT_QUEUE, codec: Codec = MSGPACK) -> None:
        self.redis = redis
        self.keys = QueueKeys.of(queue)
        self.codec = codec
        self._claims = 0

    async def claim(self, limit: int = 1000, lane_queue: LaneQueue = "io") -> list[Lease]:
        """The due jobs, at most so many."""
        self._claims += 1
        asked = Claim(WORKER, f"token-{self._claims}", lane_queue, 15_000, limit, 1 << 30)
        return (await claim(self.redis, self.keys, asked)).leases

    async def claim_soon(self, count: int = 1, lane_queue: LaneQueue = "io") -> list[Lease]:
        """Waits for so many jobs."""
        leases: list[Lease] = []
        async with in_time(10):
            while len(leases) < count:
                leases += await self.claim(count - len(leases), lane_queue)
                await asyncio.sleep(0.005)
        return leases

    async def end(self, *leases: Lease, value: object = None, success: bool = True, keep_ms: int = 60_000) -> None:
        """Ends the jobs, all with this value; a callable is called with each payload."""
        endings = []
        for lease in leases:
            payload = self.payload(lease)
            result = value(payload) if callable(value) else value
            endings.append(
                Finish(lease, success, result_bytes(payload, lease.job_id, result, success, self.codec), keep_ms)
            )
        assert await finish(self.redis, self.keys, WORKER, endings, 1000) == []

    def payload(self, lease: Lease) -> Payload:
        """What was enqueued."""
        assert isinstance(lease.payload, bytes)
        return Payload.read(lease.payload, Codecs(allow_pickle=True))


def result_bytes(payload: Payload, job_id: str, value: object, success: bool, codec: Codec = MSGPACK) -> bytes:
    """A result as workers write it."""
    now_ms = time.time_ns() // 1_000_000
    data: dict[str, Any] = {"t": 1, "f": payload.name, "a": payload.args, "k": payload.kwargs, "et": payload.enqueue_ms}
    data |= {"s": success, "r": value, "st": now_ms, "ft": now_ms, "q": DEFAULT_QUEUE, "id": job_id}
    return codec.dumps(data)


async def end_like_arq(redis: Redis, job_id: str, result: bytes | None, queue: str = DEFAULT_QUEUE) -> None:
    """Ends a job as arq's own workers do, without a message."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.delete(names.in_progress(job_id), names.job(job_id), names.retry(job_id))
        pipe.zrem(queue, job_id)
        if result is not None:
            pipe.set(names.result(job_id), result, px=60_000)
        await pipe.execute()
