"""A native queue with any number of shards, for one worker."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.native.queues.shards import read_shards
from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.formats.native.shard_ref import tag_of_ref
from monarq.shared.formats.native.sharded.in_parallel import in_parallel
from monarq.shared.formats.native.sharded.shard_turns import ShardTurns
from monarq.shared.formats.native.shards import ONE, MoreShardsError, Shards, tag_of
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.lease import Claimed, Lease
from monarq.shared.protocol.queue_ref import QueueRef

_T = TypeVar("_T")
_Ack = TypeVar("_Ack", Finish, Requeue, Crash)

_LANE_QUEUES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")
_AFTER_FAILURE_S: Final = 0.5


class ShardedWorkerQueue:
    """One queue; see `monarq.shared.protocol.worker_queue.WorkerQueue`.

    It begins with one shard, to which everything is passed on; if there are more, the first claim learns it. A shard
    that fails, such as one whose server is down, does not keep the worker from the others.

    Args:
        first: shard 0.
        add_shard: makes the worker serve also the shard with a tag.

    Attributes:
        ref: the queue.
    """

    def __init__(self, first: NativeWorkerQueue, add_shard: Callable[[str], NativeWorkerQueue]) -> None:
        self.ref: QueueRef = first.ref
        self._first = first
        self._shards = [first]
        self._by_tag = {first.keys.tag: first}
        self._add_shard = add_shard
        self._turns: dict[LaneQueue, ShardTurns] = {lane_queue: ShardTurns() for lane_queue in _LANE_QUEUES}
        self._answered: dict[Lease, bool] = {}
        self._names: tuple[str, ...] = ()
        self._nameless: list[NativeWorkerQueue] = []

    @property
    def key(self) -> str:
        """A key on the server of shard 0."""
        return self._first.key

    @property
    def keeps_calls(self) -> bool:
        """Whether its results hold arguments, id and queue."""
        return self._first.keeps_calls

    @property
    def count(self) -> int:
        """How many shards it knows."""
        return len(self._shards)

    async def claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        """Leases at most `limit` jobs, all of one shard, so that a job that must be claimed alone really is."""
        while True:
            try:
                if len(self._shards) == 1:
                    return await self._first.claim(redis, lane_queue, limit)
                return await self._claim(redis, lane_queue, limit)
            except MoreShardsError as error:
                self._take_up(error.shards)

    async def _claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        if self._nameless:
            await self._register_late(redis)
        if limit == 0:  # only return the jobs of claims without a reply
            claims = [await queue.claim(redis, lane_queue, 0) for queue in self._shards]
            return Claimed([lease for claimed in claims for lease in claimed.leases], None)
        turns, failure, has_answer = self._turns[lane_queue], None, False
        for shard in turns.due(time.monotonic()):
            turns.asks(shard)
            try:
                claimed = await self._shards[shard].claim(redis, lane_queue, limit)
            except (RedisError, OSError) as error:
                turns.failed(shard, time.monotonic(), _AFTER_FAILURE_S)
                failure = failure or error
                continue
            except BaseException:
                turns.wake(shard)
                raise
            has_answer = True
            if claimed.leases:
                turns.took(shard)
                return Claimed(claimed.leases, None)
            turns.found_none(shard, claimed.next_due_s, time.monotonic())
        if failure is not None and not has_answer:
            raise failure
        return Claimed([], turns.next_due_s(time.monotonic()))

    async def release_unconfirmed(self, redis: Redis) -> None:
        """Returns the jobs of claims without a reply."""
        await in_parallel([queue.release_unconfirmed(redis) for queue in self._shards])

    async def wait(self, redis: Redis, lane_queue: LaneQueue, wait_s: float) -> bool:
        """Waits until any shard wakes the worker, at most `wait_s`."""
        return await self._first.wait(redis, lane_queue, wait_s)

    async def pass_on_wake_up(self, redis: Redis, lane_queue: LaneQueue) -> None:
        """Wakes another worker, in each shard that may have work."""
        if len(self._shards) == 1:
            await self._first.pass_on_wake_up(redis, lane_queue)
            return
        due = list(self._turns[lane_queue].due(time.monotonic()))
        await in_parallel([self._shards[shard].pass_on_wake_up(redis, lane_queue) for shard in due])

    async def finish(self, redis: Redis, finished: Sequence[Finish]) -> list[bytes]:
        """Ends jobs for good."""
        return await self._end(finished, lambda queue, acks: queue.finish(redis, acks))

    async def requeue(self, redis: Redis, requeued: Sequence[Requeue]) -> list[bytes]:
        """Returns jobs to the queue."""
        return await self._end(requeued, lambda queue, acks: queue.requeue(redis, acks))

    async def requeue_crashed(self, redis: Redis, crashes: Sequence[Crash]) -> list[bytes]:
        """Returns jobs whose process has died."""
        return await self._end(crashes, lambda queue, acks: queue.requeue_crashed(redis, acks))

    async def _end(
        self, acks: Sequence[_Ack], end: Callable[[NativeWorkerQueue, Sequence[_Ack]], Awaitable[list[bytes]]]
    ) -> list[bytes]:
        """Ends runs, with one call per shard.

        If a call fails, all runs are sent again, except those whose calls were answered.
        """
        if len(self._shards) == 1:
            return await end(self._first, acks)
        of_shards = self._by_shard((ack.lease, ack) for ack in acks if ack.lease not in self._answered)
        calls = [self._end_in(queue, its, end) for queue, its in of_shards.items()]
        await in_parallel(calls)
        answers = [(ack.lease, self._answered.pop(ack.lease)) for ack in acks]
        return [lease.raw_id for lease, was_lost in answers if was_lost]

    async def _end_in(
        self,
        queue: NativeWorkerQueue,
        acks: Sequence[_Ack],
        end: Callable[[NativeWorkerQueue, Sequence[_Ack]], Awaitable[list[bytes]]],
    ) -> None:
        lost = set(await end(queue, acks))
        self._answered |= {ack.lease: ack.lease.raw_id in lost for ack in acks}

    def is_answered(self, lease: Lease) -> bool:
        """Whether the end of a run was accepted but not reported yet, because the end of another is sent again."""
        return lease in self._answered

    async def report_progress(self, redis: Redis, reports: Sequence[tuple[Lease, bytes]], keep_ms: int) -> list[bytes]:
        """Reports the progress of running jobs."""
        if len(self._shards) == 1:
            return await self._first.report_progress(redis, reports, keep_ms)
        of_shards = self._by_shard((report[0], report) for report in reports)
        lost = await in_parallel([queue.report_progress(redis, its, keep_ms) for queue, its in of_shards.items()])
        return [raw_id for each in lost for raw_id in each]

    def _by_shard(self, of_leases: Iterable[tuple[Lease, _T]]) -> dict[NativeWorkerQueue, list[_T]]:
        found: dict[NativeWorkerQueue, list[_T]] = {}
        for lease, value in of_leases:
            found.setdefault(self._by_tag[tag_of_ref(lease.queue)], []).append(value)
        return found

    async def register_names(self, redis: Redis, names: Sequence[str]) -> int:
        """Registers the names of jobs that the worker knows in each shard, as each counts by name."""
        self._names = tuple(names)
        counts = await in_parallel([queue.register_names(redis, names) for queue in self._shards])
        self._nameless.clear()
        return sum(counts)

    async def _register_late(self, redis: Redis) -> None:
        """Registers them in shards that the worker has learned of since."""
        while self._nameless:
            queue = self._nameless.pop()
            try:
                await queue.register_names(redis, self._names)
            except BaseException:
                self._nameless.append(queue)
                raise

    def is_cancel_of(self, asked_ms: float, payload: Payload) -> bool:
        """Whether a cancellation request is for this job, and not for an earlier one with the same id."""
        return self._first.is_cancel_of(asked_ms, payload)

    async def has_work(self, redis: Redis, apart_from: Iterable[bytes]) -> bool:
        """Whether a job waits, is deferred or runs, apart from these, in a queue that is not paused."""
        known = list(apart_from)
        if len(self._shards) == 1:  # before its first claim it may know only one
            self._take_up((await read_shards(redis, [self.ref.name]))[0] or ONE)
        return any(await in_parallel([queue.has_work(redis, known) for queue in self._shards]))

    def _take_up(self, told: Shards) -> None:
        """Serves this many shards from now on."""
        count = max(told.count, len(self._shards))
        if count == 1:
            return
        for shard in range(len(self._shards), count):
            queue = self._add_shard(tag_of(self.ref.name, shard))
            self._shards.append(queue)
            self._by_tag[queue.keys.tag] = queue
            self._nameless.append(queue)
        for turns in self._turns.values():
            turns.grow(count)
        for shard, queue in enumerate(self._shards):
            queue.shards = count
            queue.on_wake = partial(self._on_wake, shard)

    def _on_wake(self, shard: int, lane_queue: LaneQueue) -> None:
        self._turns[lane_queue].wake(shard)
        self._first.end_wait(lane_queue)  # all waits are on shard 0
