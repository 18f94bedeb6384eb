"""A native queue with any number of shards, for producers and their handles."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from redis.exceptions import RedisError

from monarq.shared.formats.native.ids import IdMaker
from monarq.shared.formats.native.jobs.look import LookMode, look
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.producer import NativeProducerQueue, clocks
from monarq.shared.formats.native.sharded.in_parallel import in_parallel
from monarq.shared.formats.native.sharded.known_shards import KnownShards
from monarq.shared.formats.native.shards import MoreShardsError, ShardNotReadyError, Shards, shard_suffix, tag_of
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.job_state import FoundState
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.producer_queue import StaleIdsError, Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.client import RedisClient

_T = TypeVar("_T")
_Ask = Callable[[NativeProducerQueue, Sequence[str]], Awaitable[list[_T]]]

_READ_AGAIN_S: Final = 1.0
"""The shortest interval at which the number of shards is read again because a job is not where it should be."""


class ShardedProducerQueue:
    """See `ProducerQueue`.

    It begins with one shard. If there are more, the first call that is refused or finds nothing reveals it.

    Args:
        ref: the queue.
    """

    def __init__(self, ref: QueueRef) -> None:
        self.ref = ref
        self._known = KnownShards(ref.name)
        self._queues = [NativeProducerQueue(ref)]
        self._heard = self._queues[0]
        self._ids = IdMaker()
        self._turn = 0
        self.ended, self.reports = self._heard.ended, self._heard.reports

    @property
    def _shards(self) -> Shards:
        return self._known.shards

    @property
    def width(self) -> int:
        """The best number of parallel calls for enqueueing many jobs: one per shard."""
        return self._shards.opened

    def new_job_ids(self, count: int) -> list[str]:
        """Makes `count` ids, in ascending order, all for one shard: for the next one in each call."""
        ids = self._ids.make(count, self._heard.now_ms())
        if self._shards.count == 1:
            return ids
        self._turn = (self._turn + 1) % self._shards.opened
        suffix = shard_suffix(self._turn)
        return [made + suffix for made in ids]

    def payload_times(self, placement: Placement) -> PayloadTimes:
        """The times for the payload of a job that is enqueued now."""
        return self._heard.payload_times(placement)

    async def enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        """Puts jobs into their shard.

        Raises:
            ValueError: they belong to several shards.
            StaleIdsError: the queue has shards but the ids name none, or the ids are for more shards than it has,
                because the whole queue was deleted; nothing was enqueued.
            EnqueueUnknownError: it repeats a call that was first sent too long ago.
            ShardNotReadyError: their shard does not accept jobs yet; nothing was enqueued.
        """
        while True:
            try:
                if self._shards.count == 1:
                    return await self._queues[0].enqueue(redis, placement, mode, call, jobs)
                return await self._enqueue(redis, placement, mode, call, jobs)
            except MoreShardsError as error:
                had_one = self._shards.count == 1
                self._known.learn(error.shards)
                self._take_up()
                if had_one and mode is EnqueueMode.NEW:
                    raise StaleIdsError from error
            except ShardNotReadyError as error:
                had = self._shards.count
                if not await self._known.refresh(redis, _READ_AGAIN_S, may_be_lost=True):
                    raise
                self._take_up()
                if self._shards.count < had and mode is EnqueueMode.NEW:
                    raise StaleIdsError from error

    async def _enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        with suppress(RedisError, OSError):
            await self._known.refresh_while_raised(redis)
        homes = {self._shards.home(job_id) for job_id, _ in jobs}
        if len(homes) != 1:
            raise ValueError(f"{len(jobs)} jobs live in {len(homes)} shards: enqueue those of each apart")
        if mode is not EnqueueMode.NEW:  # ids made for a call never move
            found = await self._look(redis, mode, call, *jobs[0])
            if found is not None:
                return [found]
        queue = self._queues[homes.pop()]
        codes = await queue.enqueue(redis, placement, mode, call, jobs)
        self._heard = queue
        return codes

    async def _look(
        self, redis: RedisClient, mode: EnqueueMode, call: str, job_id: str, payload: bytes
    ) -> Enqueued | None:
        """Looks in the shards to which an id belonged when there were fewer. The answer is valid for one call only."""
        is_repeated, sent_at = mode is EnqueueMode.REPEATED, clocks()
        look_mode: LookMode = "again" if is_repeated else "named"
        for shard in self._shards.old_homes(job_id, self._heard.now_ms()):
            keys = NativeKeys.of(tag_of(self.ref.name, shard))
            try:
                found = await look(redis, keys, call, self._shards.count, look_mode, job_id, payload)
            except BaseException:
                if not is_repeated:
                    self._heard.unknown.remember(call, sent_at)
                raise
            if found is not None:
                return found
        return None

    async def find_results(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
        """The results of jobs."""

        async def find(queue: NativeProducerQueue, ids: Sequence[str]) -> list[bytes | Unfinished]:
            return await queue.find_results(redis, ids)

        return await self._ask(redis, job_ids, find, Unfinished.GONE)

    async def find_state(self, redis: RedisClient, job_id: str) -> FoundState:
        """The current state of a job."""

        async def find(queue: NativeProducerQueue, ids: Sequence[str]) -> list[FoundState]:
            return [await queue.find_state(redis, each) for each in ids]

        missing: FoundState = "unknown"
        return (await self._ask(redis, [job_id], find, missing))[0]

    async def find_progress(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | None]:
        """The last report of each of these jobs."""

        async def find(queue: NativeProducerQueue, ids: Sequence[str]) -> list[bytes | None]:
            return await queue.find_progress(redis, ids)

        return await self._ask(redis, job_ids, find, None)

    async def cancel(self, redis: RedisClient, job_id: str) -> CancelAnswer:
        """Cancels a waiting job, or requests the cancellation of a running one."""

        async def ask(queue: NativeProducerQueue, ids: Sequence[str]) -> list[CancelAnswer]:
            return [await queue.cancel(redis, each) for each in ids]

        return (await self._ask(redis, [job_id], ask, CancelAnswer.UNKNOWN))[0]

    async def find_moved_to(self, redis: RedisClient) -> QueueRef | None:
        """The queue that jobs of this one were last moved to, when it had one shard."""
        return await self._queues[0].find_moved_to(redis)

    def split_ended(self, message: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        """The raw ids of the jobs that ended, with their results if the message has them."""
        return self._queues[0].split_ended(message)

    def split_reports(self, message: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The raw ids of the jobs with their reports."""
        return self._queues[0].split_reports(message)

    async def _ask(self, redis: RedisClient, job_ids: Sequence[str], ask: _Ask[_T], missing: _T) -> list[_T]:
        """Asks the shards of jobs; if an answer is `missing`, also the shards in which they may have been before."""
        answers = await self._ask_homes(job_ids, ask, missing)
        if missing in answers and await self._known.refresh(redis, _READ_AGAIN_S):
            self._take_up()
            answers = await self._ask_homes(job_ids, ask, missing)
        return answers

    async def _ask_homes(self, job_ids: Sequence[str], ask: _Ask[_T], missing: _T) -> list[_T]:
        if self._shards.count == 1:
            return await ask(self._queues[0], job_ids)
        answers, now_ms = [missing] * len(job_ids), self._heard.now_ms()
        homes = {at: self._shards.homes(job_id, now_ms) for at, job_id in enumerate(job_ids)}
        while homes:
            places: dict[int, list[int]] = {}
            for at, of_job in homes.items():
                places.setdefault(of_job.pop(0), []).append(at)
            asked = [partial(ask, self._queues[shard], [job_ids[at] for at in ats]) for shard, ats in places.items()]
            replies = await in_parallel([each() for each in asked])
            for ats, reply in zip(places.values(), replies, strict=True):
                for at, answer in zip(ats, reply, strict=True):
                    answers[at] = answer
            homes = {at: left for at, left in homes.items() if left and answers[at] == missing}
        return answers

    def _take_up(self) -> None:
        """Uses all shards that are known now, and passes their number in calls."""
        count, first = self._shards.count, self._queues[0]
        if len(self._queues) == 1 and count > 1:
            self._turn = random.randrange(self._shards.opened)
        for shard in range(len(self._queues), count):
            self._queues.append(NativeProducerQueue(self.ref, tag_of(self.ref.name, shard), like=first))
        for queue in self._queues:
            queue.shards = count
