"""A native queue, for producers and their handles."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import repeat

import msgspec
from redis.exceptions import RedisError

from monarq.shared.clock import wall_ms
from monarq.shared.formats.native.cancellation import cancel_known
from monarq.shared.formats.native.ids import IdMaker
from monarq.shared.formats.native.jobs.enqueue import REPEATABLE_MS, enqueue
from monarq.shared.formats.native.jobs.find import find_results, find_state
from monarq.shared.formats.native.jobs.progress import read_progress, split_reports
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.workers.fleet import QueueRegistrar
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.job_state import FoundState
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.producer_queue import Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer_notes import read_target
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import text

_decode = msgspec.msgpack.Decoder(list[bytes | None]).decode


class NativeProducerQueue:
    """The `ProducerQueue` of a native queue.

    Redis' time is known from the replies to enqueues, so that ids and the times in payloads use the same clock with
    which workers compare them.

    Args:
        ref: the queue.
        tag: the tag of its keys, if it is one of several shards of the queue.
        like: another shard of the queue, which shares its state about calls and the list of queues.

    Attributes:
        shards: how many shards the queue is believed to have.
        unknown: the calls whose outcome may be unknown.
        registrar: puts the queue on the list of queues.
    """

    def __init__(self, ref: QueueRef, tag: str | None = None, like: NativeProducerQueue | None = None) -> None:
        self.ref = ref
        self.shards = 1
        self._keys = NativeKeys.of(tag or ref.name)
        self.ended = self._keys.ended
        self.reports = self._keys.reports
        self._ids = IdMaker()
        self._ahead_ms = 0
        self.registrar: QueueRegistrar = like.registrar if like else QueueRegistrar()
        self.unknown: UnknownCalls = like.unknown if like else UnknownCalls()

    def new_job_ids(self, count: int) -> list[str]:
        """Makes `count` ids, in ascending order."""
        return self._ids.make(count, self.now_ms())

    def payload_times(self, placement: Placement) -> PayloadTimes:
        """Redis' time, when a deferred job is due, and when the job expires."""
        return payload_times(self.now_ms(), placement.due_ms, placement.delay_ms, placement.ttl_ms)

    async def enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        """Puts jobs into the queue.

        Raises:
            EnqueueUnknownError: it repeats a call that was first sent too long ago.
            MoreShardsError, ShardNotReadyError: the queue has another number of shards; nothing was changed.
        """
        is_repeated = mode is EnqueueMode.REPEATED
        until_ms = await self.unknown.repeatable_until_ms(redis, self._keys.key("meta"), call) if is_repeated else 0
        sent_at = clocks()
        try:
            shards = self.shards
            reply = await enqueue(redis, self._keys, call, placement, mode, jobs, until_ms=until_ms, shards=shards)
        except BaseException:
            if not is_repeated:
                self.unknown.remember(call, sent_at)
            raise
        if is_repeated:
            self.unknown.forget(call)
        if reply.now_ms:
            self._ahead_ms = reply.now_ms - wall_ms()
        with suppress(RedisError, OSError):  # the jobs are enqueued; only the displayed list lacks the queue
            await self.registrar.register(redis, (self.ref.name,))
        return reply.codes

    async def find_results(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
        """The results of jobs."""
        return await find_results(redis, self._keys, job_ids)

    async def find_moved_to(self, redis: RedisClient) -> QueueRef | None:
        """The queue that jobs of this one were last moved to, however long ago."""
        [noted] = await redis.execute(("HGET", self._keys.key("meta"), "moved"))
        return None if noted is None else read_target(text(noted))

    async def find_state(self, redis: RedisClient, job_id: str) -> FoundState:
        """The current state of a job."""
        return await find_state(redis, self._keys, job_id)

    async def find_progress(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | None]:
        """The last report of each of these jobs."""
        return await read_progress(redis, self._keys, job_ids)

    async def cancel(self, redis: RedisClient, job_id: str) -> CancelAnswer:
        """Cancels a waiting job, or requests the cancellation of a running one."""
        return await cancel_known(redis, self._keys, job_id)

    def split_ended(self, message: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        """The raw ids of the jobs that ended, with their results if the message has them."""
        if message[:1] == b"r":
            try:
                flat = _decode(message[1:])
            except msgspec.DecodeError:
                return ()  # not sent by monarq; ended jobs are also found without it
            return [(raw_id or b"", result) for raw_id, result in zip(flat[::2], flat[1::2], strict=False)]
        return zip(message[1:].split(b"\0"), repeat(None))

    def split_reports(self, message: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The raw ids of the jobs with their reports."""
        return split_reports(message)

    def now_ms(self) -> int:
        """Redis' time, unix ms, computed from the newest reply."""
        return wall_ms() + self._ahead_ms


class UnknownCalls:
    """Calls whose outcome may be unknown, with the times at which they were first sent."""

    def __init__(self) -> None:
        self._sent_at: dict[str, tuple[float, float]] = {}

    def remember(self, call: str, sent_at: tuple[float, float]) -> None:
        """Records when a call was sent, by `clocks`; old entries are dropped."""
        self._sent_at = {one: at for one, at in self._sent_at.items() if _passed_ms(at) <= REPEATABLE_MS}
        self._sent_at[call] = sent_at

    def forget(self, call: str) -> None:
        """Drops a call whose outcome is known."""
        self._sent_at.pop(call, None)

    async def repeatable_until_ms(self, redis: RedisClient, key: str, call: str) -> int:
        """Until when a call may be repeated, by the clock of the server that holds a key."""
        now_ms = await read_now_ms(redis, key)
        sent_at = self._sent_at.get(call)
        return 0 if sent_at is None else now_ms + REPEATABLE_MS - _passed_ms(sent_at)


def payload_times(now_ms: int, due_ms: int, delay_ms: int, ttl_ms: int) -> PayloadTimes:
    """The times of a job that is due at a time, or after a delay if that is 0, and that expires after some ms."""
    due_ms = due_ms or now_ms + delay_ms
    return PayloadTimes(now_ms, due_ms if due_ms > now_ms else None, now_ms + ttl_ms if ttl_ms > 0 else None)


def clocks() -> tuple[float, float]:
    """Seconds of the monotonic clock, and of the wall clock, which also advances while the machine sleeps."""
    return time.monotonic(), time.time()


def _passed_ms(since: tuple[float, float]) -> int:
    """Ms that have passed, by whichever clock shows more."""
    return math.ceil(max(now_s - since_s for now_s, since_s in zip(clocks(), since, strict=True)) * 1000)
