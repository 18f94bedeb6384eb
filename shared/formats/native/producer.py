"""A native queue, as a producer and its handles use it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import repeat

import msgspec
from redis.exceptions import RedisError

from monarq.shared.formats.native.ids import IdMaker
from monarq.shared.formats.native.jobs.abort import abort
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.find import find_results, find_status
from monarq.shared.formats.native.jobs.progress import read_progress, split_reports
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.workers.fleet import QueueRegistrar
from monarq.shared.protocol.answers import AbortAnswer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.producer_queue import JobStatus, Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.client import RedisClient

_decode = msgspec.msgpack.Decoder(list[bytes | None]).decode


class NativeProducerQueue:
    """A `ProducerQueue` of a native queue; see there.

    Redis' time is known from the replies to enqueues. So ids, and what payloads say of times, are by the one clock that
    workers compare them with.

    Args:
        ref: the queue.
    """

    def __init__(self, ref: QueueRef) -> None:
        self.ref = ref
        self._keys = NativeKeys.of(ref.name)
        self.ended = self._keys.ended
        self.reports = self._keys.reports
        self._ids = IdMaker()
        self._ahead_ms = 0
        self._registrar = QueueRegistrar()

    def new_job_ids(self, count: int) -> list[str]:
        """So many ids, in ascending order."""
        return self._ids.make(count, self._now_ms())

    def payload_times(self, placement: Placement) -> PayloadTimes:
        """Redis' time, when the job is due where it is deferred, and when it expires."""
        return payload_times(self._now_ms(), placement.due_ms, placement.delay_ms, placement.ttl_ms)

    async def enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        """Puts jobs into the queue."""
        reply = await enqueue(redis, self._keys, call, placement, mode, jobs)
        if reply.now_ms:
            self._ahead_ms = reply.now_ms - _local_ms()
        with suppress(RedisError, OSError):  # the jobs are in; only people miss the queue on their list
            await self._registrar.register(redis, (self.ref.name,))
        return reply.codes

    async def find_results(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
        """The results of jobs."""
        return await find_results(redis, self._keys, job_ids)

    async def find_status(self, redis: RedisClient, job_id: str) -> JobStatus:
        """What a job is doing now."""
        return await find_status(redis, self._keys, job_id)

    async def find_progress(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | None]:
        """The last report of each of these jobs."""
        return await read_progress(redis, self._keys, job_ids)

    async def abort(self, redis: RedisClient, job_id: str) -> AbortAnswer:
        """Aborts a job that waits, or asks for the abort of one that runs."""
        return await abort(redis, self._keys, job_id)

    def split_ended(self, message: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        """The raw ids of the jobs that ended, with their results where the message has them."""
        if message[:1] == b"r":
            flat = _decode(message[1:])
            return [(raw_id or b"", result) for raw_id, result in zip(flat[::2], flat[1::2], strict=True)]
        return zip(message[1:].split(b"\0"), repeat(None))

    def split_reports(self, message: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The raw ids of the jobs with their reports."""
        return split_reports(message)

    def _now_ms(self) -> int:
        return _local_ms() + self._ahead_ms


def payload_times(now_ms: int, due_ms: int, delay_ms: int, ttl_ms: int) -> PayloadTimes:
    """The times of a job that is due at a time, or after a delay where that is 0, and that expires after some ms."""
    due_ms = due_ms or now_ms + delay_ms
    return PayloadTimes(now_ms, due_ms if due_ms > now_ms else None, now_ms + ttl_ms if ttl_ms > 0 else None)


def _local_ms() -> int:
    return time.time_ns() // 1_000_000
