"""A native queue, for one worker."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Final, TypeVar

from redis.asyncio import Redis

from monarq.shared.errors import UnsupportedError
from monarq.shared.formats.native.jobs.claim import (
    Claim,
    ClaimRefusedError,
    ClaimReply,
    IncarnationGoneError,
    claim,
)
from monarq.shared.formats.native.jobs.enqueue import LARGE
from monarq.shared.formats.native.jobs.finish import finish
from monarq.shared.formats.native.jobs.notes import Note, read_note
from monarq.shared.formats.native.jobs.progress import report_progress
from monarq.shared.formats.native.jobs.requeue import requeue, requeue_crashed
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.session.incarnation import Incarnation, LaneClaims
from monarq.shared.formats.native.shard_ref import ref_of
from monarq.shared.formats.native.shards import MoreShardsError
from monarq.shared.formats.native.workers.leases import BeatReply, beat, count_lost, retire
from monarq.shared.formats.native.workers.register_names import BATCH as NAMES_BATCH
from monarq.shared.formats.native.workers.register_names import register_names
from monarq.shared.formats.native.workers.wake import wake
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.lease import Claimed, Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms
from monarq.shared.redis.redis_errors import REDIS_ERRORS, CommandFailure, classify_failure
from monarq.shared.redis.replies import read_number

_Ack = TypeVar("_Ack", Finish, Requeue, Crash)

_NO_NOTE: Final = Note()


class NativeWorkerQueue:
    """One queue, or one shard of it; see `monarq.shared.protocol.worker_queue.WorkerQueue`.

    Attributes:
        ref: the queue.
        shards: how many shards the queue is believed to have.
        on_wake: called with the lane queue when it is woken.
        keys: its keys.
        incarnation: the worker's current incarnation.
        cancels: leases of jobs whose cancellation was requested.
        cancels_read: the number of the notification up to which they were read; for the session.
        is_doubtful: whether the jobs that it holds may differ from those that its worker knows; see `reconciler`.
    """

    def __init__(
        self,
        tag: str,
        terms: WorkerTerms,
        *,
        leases_of: Callable[[QueueRef], list[Lease]],
        on_lost: Callable[[list[Lease]], None],
        in_use: dict[NativeWorkerQueue, None],
    ) -> None:
        """Creates it; nothing is sent.

        Args:
            tag: the tag of its keys.
            terms: what it needs to know about the worker.
            leases_of: returns the leases that the worker holds in it.
            on_lost: called with leases that are lost.
            in_use: it adds itself to these before it claims; the session removes it when its incarnation has ended.
        """
        self.ref = ref_of(tag)
        self.keys = NativeKeys.of(tag)
        self.shards = 1
        self.on_wake: Callable[[LaneQueue], None] = _nobody_asks
        self._terms = terms
        self._lease_ms = round(terms.lease_s * 1000)
        self._leases_of = leases_of
        self._on_lost = on_lost
        self._in_use = in_use
        self._incarnations = count(1)
        self.incarnation = Incarnation(f"{terms.worker_id}.{next(self._incarnations)}")
        self.cancels: set[Lease] = set()
        self.cancels_read = 0
        self._overdue: list[str] = []
        self.is_doubtful = False
        self._differs = 0
        self._kept_until_s = math.inf
        self._woken: dict[LaneQueue, asyncio.Event] = {"io": asyncio.Event(), "cpu": asyncio.Event()}
        # Held during a claim from the lane queue; both are held while the incarnation is ended.
        self._claiming: dict[LaneQueue, asyncio.Lock] = {"io": asyncio.Lock(), "cpu": asyncio.Lock()}
        self._is_heard = False
        self._calls_begun = 0
        self._calls_out = 0
        # Lost runs that are not counted yet, and ids of those whose ends may have been accepted.
        self._lost = 0
        self._unsure: set[bytes] = set()

    @property
    def key(self) -> str:
        """A key that is on the queue's server."""
        return self.keys.key("leases")

    @property
    def keeps_calls(self) -> bool:
        """False: results do not repeat what the caller already knows."""
        return False

    async def claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        """Claims at most `limit` jobs; if the reply to the last claim never came, the same claim is sent again.

        Raises:
            ClaimRefusedError: the worker is believed to be dead, or the queue was made by a later version of monarq.
            MoreShardsError: the queue has more shards.
        """
        async with self._claiming[lane_queue]:
            with suppress(IncarnationGoneError):
                return await self._claim(redis, lane_queue, limit)
            try:
                return await self._claim(redis, lane_queue, limit)
            except IncarnationGoneError:
                raise ClaimRefusedError(f"{self._terms.worker_id} is believed to be dead") from None

    async def _claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        incarnation = self.incarnation
        lane = incarnation.claims[lane_queue]
        if limit == 0 and lane.is_answered:
            return Claimed([], None)
        asked = self._next_claim(incarnation, lane, lane_queue, limit)
        ends_s = time.monotonic() + self._terms.lease_s
        if limit > 0:
            self._woken[lane_queue].clear()  # this claim finds what it was woken for
        self._in_use[self] = None
        try:
            with self._call():
                reply = await claim(redis, self.keys, asked)
        except IncarnationGoneError:
            self.begin_anew(incarnation)
            raise
        except MoreShardsError:
            lane.is_answered = True
            raise
        except UnsupportedError as error:
            lane.is_answered = not asked.is_repeated
            raise ClaimRefusedError(str(error)) from None
        incarnation.is_open = incarnation.is_open or reply.took or asked.is_repeated
        if self.incarnation is not incarnation:
            return Claimed([], None)  # taken back meanwhile
        if reply.ids and time.monotonic() >= ends_s:
            return Claimed([], None)  # others may run the jobs by now: repeating the claim returns those that are left
        lane.is_answered = True
        incarnation.held += len(reply.ids)
        if reply.ids and self._kept_until_s == math.inf:
            self._kept_until_s = ends_s
        next_due_s = None if reply.next_ms < 0 else max(0.0, (reply.next_ms - reply.now_ms) / 1000)
        return Claimed(self._leases(asked, reply, ends_s), next_due_s)

    def _next_claim(self, incarnation: Incarnation, lane: LaneClaims, lane_queue: LaneQueue, limit: int) -> Claim:
        is_repeated = not lane.is_answered
        number = lane.next()
        lane.is_answered = False
        return Claim(
            incarnation=incarnation.name,
            worker=self._terms.worker_id,
            lane_queue=lane_queue,
            number=number,
            limit=limit,
            lease_ms=self._lease_ms,
            max_payload=self._terms.max_payload,
            alone=self._terms.last_chance,
            is_first=not incarnation.is_open,
            is_repeated=is_repeated,
            shards=self.shards,
        )

    def _leases(self, asked: Claim, reply: ClaimReply, ends_s: float) -> list[Lease]:
        ref, token, lane_queue, now_ms = self.ref, asked.token, asked.lane_queue, reply.now_ms
        job_ids = [raw_id.decode("utf-8", "backslashreplace") for raw_id in reply.ids]
        leases = [
            Lease(ref, raw_id, job_id, token, lane_queue, payload, 0, 0, "", 0, None, now_ms, False, ends_s)
            for raw_id, job_id, payload in zip(reply.ids, job_ids, self._payloads(reply), strict=True)
        ]
        for lease, note in zip(leases, map(read_note, reply.notes), strict=False):
            if note != _NO_NOTE:
                lease.tries, lease.crashes, lease.crash_note = note.tries, note.crashes, note.text
                lease.due_ms, lease.unknown_ms = note.due_ms, note.unknown_ms
                if note.expires_ms is not None and note.expires_ms <= now_ms and not note.tries and not note.crashes:
                    lease.payload, lease.may_have_expired = None, note.may_expire
        for lease, cancel_asked_ms in zip(leases, reply.cancels, strict=False):
            lease.cancel_asked_ms = None if cancel_asked_ms is None else read_number(cancel_asked_ms)
        return leases

    def _payloads(self, reply: ClaimReply) -> Sequence[bytes | int | None]:
        """The payloads, none over the limit: a claim checks only the size of those that are noted as large."""
        limit = self._terms.max_payload
        if limit >= LARGE:
            return reply.payloads
        return [len(each) if isinstance(each, bytes) and len(each) > limit else each for each in reply.payloads]

    async def release_unconfirmed(self, redis: Redis) -> None:
        """Returns the jobs of claims without a reply; sends nothing if there are none."""
        for lane_queue, claiming in self._claiming.items():
            async with claiming:
                with suppress(IncarnationGoneError):
                    await self._release(redis, lane_queue)

    async def _release(self, redis: Redis, lane_queue: LaneQueue) -> None:
        while not (lane := self.incarnation.claims[lane_queue]).is_answered:
            claimed = await self._claim(redis, lane_queue, 0)
            if claimed.leases:
                lane.is_answered = False  # until they are returned: nobody else knows them
                await self.requeue(redis, [Requeue(lease, lane_queue) for lease in claimed.leases])
                lane.is_answered = True

    @property
    def needs_care(self) -> bool:
        """Whether there is something to do: end its incarnation or keep it alive, recover others, or count."""
        return self.incarnation.may_be_open or self._is_claiming or bool(self._overdue) or self._lost > 0

    @property
    def has_forgotten_claim(self) -> bool:
        """Whether a claim has no reply and is not being repeated now."""
        return any(not claims.is_answered for claims in self.incarnation.claims.values()) and not self._is_claiming

    @property
    def _is_claiming(self) -> bool:
        return any(claiming.locked() for claiming in self._claiming.values())

    async def wait(self, redis: Redis, lane_queue: LaneQueue, wait_s: float) -> bool:
        """Waits for a wake-up, at most `wait_s`."""
        woken = self._woken[lane_queue]
        try:
            async with asyncio.timeout(wait_s):
                await woken.wait()
        except TimeoutError:
            return False
        woken.clear()
        return True

    def wake_up(self, lane_queue: LaneQueue) -> None:
        """Signals a wake-up, which ends the current wait or the next one."""
        self.end_wait(lane_queue)
        self.on_wake(lane_queue)

    def end_wait(self, lane_queue: LaneQueue) -> None:
        """Ends the current wait or the next one."""
        self._woken[lane_queue].set()

    async def pass_on_wake_up(self, redis: Redis, lane_queue: LaneQueue) -> None:
        """Wakes another worker."""
        await wake(redis, self.keys, lane_queue)

    async def finish(self, redis: Redis, finished: Sequence[Finish]) -> list[bytes]:
        """Ends jobs for good. Small results are published with the ends if somebody listens."""

        async def end(incarnation: str, rest: Sequence[Finish]) -> list[bytes]:
            terms = self._terms
            reply = await finish(
                redis,
                self.keys,
                incarnation,
                rest,
                max_dead=terms.max_dead,
                lanes=terms.lanes,
                with_results=self._is_heard,
            )
            self._is_heard = reply.heard > 0
            return reply.lost

        return await self._end(end, finished)

    async def requeue(self, redis: Redis, requeued: Sequence[Requeue]) -> list[bytes]:
        """Returns jobs to the queue."""
        return await self._end(lambda name, rest: requeue(redis, self.keys, name, rest), requeued)

    async def requeue_crashed(self, redis: Redis, crashes: Sequence[Crash]) -> list[bytes]:
        """Returns jobs whose process has died."""
        return await self._end(lambda name, rest: requeue_crashed(redis, self.keys, name, rest), crashes)

    async def _end(
        self, end: Callable[[str, Sequence[_Ack]], Awaitable[list[bytes]]], acks: Sequence[_Ack]
    ) -> list[bytes]:
        """Ends runs. If one job of a call is lost, the script changes nothing; it is called again for the others."""
        incarnation, refused, rest = self.incarnation, list[bytes](), acks
        try:
            while rest:
                with self._call():
                    lost = await end(incarnation.name, rest)
                incarnation.held -= len(lost or rest)
                if not lost:
                    break
                refused += lost
                rest = [ack for ack in rest if ack.lease.raw_id not in set(lost)]
        except IncarnationGoneError:
            self.begin_anew(incarnation)
            return [ack.lease.raw_id for ack in acks]
        except BaseException:
            self._unsure.update(ack.lease.raw_id for ack in rest)
            raise
        if refused:
            self._lost += len(set(refused) - self._unsure)
        if self._unsure:
            self._unsure.difference_update(ack.lease.raw_id for ack in acks)
        if self.cancels:
            self.cancels.difference_update(ack.lease for ack in acks)
        return refused

    async def report_progress(self, redis: Redis, reports: Sequence[tuple[Lease, bytes]], keep_ms: int) -> list[bytes]:
        """Reports the progress of running jobs."""
        incarnation = self.incarnation
        try:
            held = [(lease.raw_id, lease.token.encode(), report) for lease, report in reports]
            return await report_progress(redis, self.keys, incarnation.name, held)
        except IncarnationGoneError:
            self.begin_anew(incarnation)
            return [lease.raw_id for lease, _ in reports]

    async def register_names(self, redis: Redis, names: Sequence[str]) -> int:
        """Registers the names of jobs that the worker knows."""
        batches = [names[at : at + NAMES_BATCH] for at in range(0, len(names), NAMES_BATCH)]
        return sum([await register_names(redis, self.keys, batch) for batch in batches])

    async def has_work(self, redis: Redis, apart_from: Iterable[bytes]) -> bool:
        """Whether a job waits, is deferred or runs, apart from these, in a queue that is not paused."""
        calls: Any = redis.pipeline(transaction=False)
        calls.hexists(self.keys.key("meta"), "paused")
        calls.hlen(self.keys.key("payloads"))
        for raw_id in apart_from:
            calls.hexists(self.keys.key("payloads"), raw_id)
        is_paused, fields, *others = await calls.execute()
        return not is_paused and fields - 1 > sum(map(bool, others))

    def is_cancel_of(self, asked_ms: float, payload: Payload) -> bool:
        """Whether a cancellation request is for this job: always, as the end of a job deletes its request."""
        return True

    def beat(self, redis: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Renews the lease of all jobs that the worker holds here; called by the lease thread.

        Sends nothing if it holds none: then it retires.
        """
        incarnation = self.incarnation
        leases = self._leases_of(self.ref)
        if not incarnation.may_be_open or not (leases or self._calls_out or incarnation.has_open_claim):
            self._kept_until_s = math.inf
            return
        # A beat that overtakes the first claim finds no incarnation, even if its reply comes after the claim's.
        was_open = incarnation.is_open
        begun, was_quiet, sent_s = self._calls_begun, self._calls_out == 0, time.monotonic()
        try:
            reply = beat(redis, self.keys, incarnation.name, self._lease_ms)
        except IncarnationGoneError:
            if was_open:
                loop.call_soon_threadsafe(self.begin_anew, incarnation)
            return
        # Runs that its worker stopped, because their leases had ended by its own clock, are still held.
        is_late = time.monotonic() > self._kept_until_s
        ends_s = self._kept_until_s = sent_s + self._terms.lease_s
        for lease in leases:
            lease.ends_s = ends_s
        is_quiet = was_quiet and self._calls_begun == begun
        cancelled = set(reply.cancels)
        # Pass the leases, not the ids: by then there may be a later job with the same id.
        cancels = [lease for lease in leases if lease.raw_id in cancelled] if cancelled else []
        differs = is_quiet and reply.held != len(leases)
        loop.call_soon_threadsafe(self._take_beat, incarnation, reply, cancels, differs, is_late)

    def _take_beat(
        self, incarnation: Incarnation, reply: BeatReply, cancels: list[Lease], differs: bool, is_late: bool
    ) -> None:
        if self.incarnation is not incarnation:
            return
        self.cancels.update(cancels)
        self._overdue = reply.overdue
        # A single difference may be a job that was just claimed, or whose end was just accepted.
        self._differs = self._differs + 1 if differs else 0
        self.is_doubtful = self.is_doubtful or is_late or self._differs > 1

    def take_overdue(self) -> list[str]:
        """Incarnations of the queue whose leases had expired at the last beat; each is returned once."""
        overdue, self._overdue = self._overdue, []
        return overdue

    async def retire(self, redis: Redis) -> None:
        """Ends the incarnation if it holds nothing, so that it need not be kept alive."""
        if self._is_claiming:
            return
        async with self._claiming["io"], self._claiming["cpu"]:  # so that nothing is claimed for an ending incarnation
            incarnation = self.incarnation
            if not incarnation.is_open or self._calls_out or self._leases_of(self.ref):
                return
            try:
                held = await retire(redis, self.keys, incarnation.name)
            except IncarnationGoneError:
                self.begin_anew(incarnation)
                return
            if held:
                self.is_doubtful = True  # the worker does not know these
            else:
                self._succeed(incarnation)

    def begin_anew(self, gone: Incarnation) -> None:
        """Continues as a new incarnation, as this one's jobs were taken back; all its runs are lost."""
        if self.incarnation is gone:
            # They include runs that their worker stopped by its own clock, which are in no list any more.
            self._lost += max(0, gone.held - len(self._unsure))
            self._succeed(gone)
            self._on_lost(self._leases_of(self.ref))

    def _succeed(self, ended: Incarnation) -> None:
        self.incarnation = ended.successor(f"{self._terms.worker_id}.{next(self._incarnations)}")
        self.cancels.clear()
        self._kept_until_s = math.inf
        self._unsure.clear()
        self.settle_doubt()

    def note_difference(self, incarnation: Incarnation, *, given_back: int, missing: int) -> None:
        """Records that jobs it held were given back, and that jobs it should hold are lost."""
        incarnation.held = max(0, incarnation.held - given_back - missing)
        self._lost += missing

    async def count_lost(self, redis: Redis) -> None:
        """Counts the runs that were lost since; if the outcome of a call is unknown, they are not counted again."""
        if not self._lost:
            return
        lost, self._lost = self._lost, 0
        try:
            await count_lost(redis, self.keys, lost)
        except REDIS_ERRORS as error:
            if classify_failure(error) is not CommandFailure.UNKNOWN:
                self._lost += lost
            raise

    @property
    def calls_begun(self) -> int:
        """How many calls have begun so far."""
        return self._calls_begun

    @property
    def has_calls_out(self) -> bool:
        """Whether a call is in flight."""
        return self._calls_out > 0

    def settle_doubt(self) -> None:
        """Records that the jobs it holds are those that its worker knows."""
        self.is_doubtful, self._differs = False, 0

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Counts a call that changes what the worker holds. After a failed one, it is unknown what it holds."""
        self._calls_begun += 1
        self._calls_out += 1
        try:
            yield
        except (IncarnationGoneError, MoreShardsError):
            raise
        except BaseException:
            self.is_doubtful = True
            raise
        finally:
            self._calls_out -= 1


def _nobody_asks(_: LaneQueue) -> None:
    return
