"""Moves the waiting jobs of a queue to another one, in any format; see `monarq.shared.protocol.transfer`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.admin.admin import resume
from monarq.monitor.admin.rate_limiter import RateLimiter
from monarq.shared.errors import MoveRefusedError, UnsupportedError
from monarq.shared.formats.choice.transfers import move_source, move_target
from monarq.shared.protocol.cluster_check import check_queue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import PAGE, Begun, Dropped, Marks, MovedJob, Put, TakenPage
from monarq.shared.protocol.transfer_notes import mark_of
from monarq.shared.redis.redis_errors import REDIS_ERRORS, CommandFailure, classify_failure
from monarq.shared.redis.replies import text

DEFAULT_PER_S: Final = 1000.0
"""Jobs a second: a job takes less than 0.1 ms of Redis' time, so at least nine tenths are left for other clients."""

_STOP_WITHIN_S: Final = 0.2

_CANCELLING_WAIT_S: Final = 0.5
_CANCELLING_WAITS: Final = 6
"""arq's clients request a cancellation in two steps, a few ms apart."""


@dataclass(frozen=True, slots=True)
class LeftJob:
    """A job that was not moved.

    Attributes:
        job_id: its id.
        why: why, in a few words.
    """

    job_id: str
    why: str


_WHY_LEFT: Final = {
    Put.TAKEN: "another job with this id waits or runs in the target queue",
    Put.ENDED: "a job with this id has ended in the target queue, which still has its result",
    Put.UNFIT: "the target queue's format cannot represent it",
}


@dataclass(slots=True)
class MoveCounts:
    """What a run of a move has done so far.

    Attributes:
        moved: jobs that it put into the target.
        was_in: jobs that an earlier run had put into the target, and this run removed from the source.
        left: jobs that were not moved, by id.
        running: running jobs, which stay, as far as it has seen.
        cancelling: jobs that are about to be cancelled.
        without_payload: jobs whose payload has expired; a worker of their queue ends them.
        taken: jobs that a worker claimed while they were being moved: they may run in both queues.
    """

    moved: int = 0
    was_in: int = 0
    left: dict[bytes, LeftJob] = field(default_factory=dict)
    running: int = 0
    cancelling: int = 0
    without_payload: int = 0
    taken: set[bytes] = field(default_factory=set)


class Mover:
    """One run of a move. The next run repairs whatever an interrupted or killed run has left.

    Args:
        redis: the client.
        source: the queue that jobs are taken from; it is paused and stays paused.
        target: the queue that they are put into.
        per_s: jobs a second; None for no limit.
        arq_workers_stopped: whether the caller knows that none of arq's own workers serves the source: they ignore a
            pause, and their health check stays for up to an hour after a kill.

    Attributes:
        counts: what it has done so far.
        is_closed: whether no job is half moved, so that the source can be resumed.
        is_resumed: whether the source was resumed, because the run had paused it and failed before moving anything.
    """

    def __init__(
        self,
        redis: Redis,
        source: QueueRef,
        target: QueueRef,
        *,
        per_s: float | None = DEFAULT_PER_S,
        arq_workers_stopped: bool = False,
    ) -> None:
        self.counts = MoveCounts()
        self.is_closed = False
        self.is_resumed = False
        self._redis = redis
        self._source = move_source(source)
        self._target = move_target(target)
        self._limiter = RateLimiter(per_s, PAGE)
        self._arq_workers_stopped = arq_workers_stopped
        self._run = secrets.token_hex(8)
        self._half: set[bytes] = set()
        self._has_earlier = False
        self._has_paused = False

    async def check(self) -> None:
        """Checks whether the move is possible; changes nothing.

        Raises:
            MoveRefusedError: source and target have the same name or are both in arq's format, one of them has shards,
                the source is being moved elsewhere, the target is being moved itself, or workers that ignore a pause
                may be running.
            SettingsError: one of them cannot exist on that Redis.
            UnsupportedError: a later version of monarq has created one of them.
            RedisError: Redis did not answer.
        """
        source, target = self._source.ref, self._target.ref
        for queue in (source, target):
            check_queue(self._redis, queue)
        if source == target:
            raise MoveRefusedError(f"{source.label} is both the source and the target: name two different queues")
        if source.name == target.name:
            # A name alone would then mean the native queue, and no longer the one that arq's clients use.
            raise MoveRefusedError(
                f"{source.label} and {target.label} differ only in their format, so one would hide the other:"
                " give the target queue another name"
            )
        if source.format == target.format == "arq":
            raise MoveRefusedError(
                f"{source.label} and {target.label} are both in arq's format, in which a job has the same keys in every"
                " queue: move the jobs to a native queue"
            )
        await self._source.check(self._redis, target)
        await self._target.check(self._redis)
        obstacle = None if self._arq_workers_stopped else await self._source.find_obstacle(self._redis)
        if obstacle:
            raise self._refused(obstacle)

    def _refused(self, obstacle: str) -> MoveRefusedError:
        return MoveRefusedError(
            f"one of arq's own workers may serve {self._source.ref.label} ({obstacle}); such workers ignore a pause,"
            " so jobs could run twice: stop them, and if none is left, confirm it with --arq-workers-stopped"
        )

    async def begin(self) -> Begun:
        """Pauses the source, and takes over from an earlier run.

        Raises:
            MoveRefusedError: see `check`.
            SettingsError: see `check`.
            UnsupportedError: see `check`.
            RedisError: Redis did not answer; the call may be repeated.
        """
        await self.check()
        begun = await self._source.begin(self._redis, self._target.ref, self._run)
        self._has_earlier = begun.goes_on
        self._has_paused = not begun.was_paused
        return begun

    async def move(self, should_stop: Callable[[], bool] = lambda: False) -> AsyncIterator[MoveCounts]:
        """Moves all waiting jobs, including those that arrive meanwhile, until it finds none; yields after each page.

        Args:
            should_stop: called before each page; returns whether to end with no job half moved.

        Raises:
            MoveRefusedError: another run has taken over, or one of arq's own workers runs jobs of the source, or the
                target is being moved itself or was given shards.
            UnsupportedError: a later version of monarq has created the target.
            RedisError: Redis refused a command or did not answer. Jobs known not to be half moved are released.
        """
        waits = 0
        try:
            while not should_stop():
                done = self.counts.moved + self.counts.was_in
                self.counts.running = self.counts.cancelling = self.counts.without_payload = 0
                for source_set in self._source.sets:
                    async for _ in self._move_set(source_set, should_stop):
                        yield self.counts
                if not should_stop():
                    self._has_earlier = False
                if self.counts.moved + self.counts.was_in > done:
                    continue
                if not self.counts.cancelling or waits == _CANCELLING_WAITS:
                    break
                waits += 1
                await asyncio.sleep(_CANCELLING_WAIT_S)
        except Exception:
            with suppress(MoveRefusedError, *REDIS_ERRORS):
                await self._close()
                await self._resume()
            raise
        await self._close()

    async def _move_set(self, source_set: str, should_stop: Callable[[], bool]) -> AsyncIterator[None]:
        """Goes through a set once. Members that stay in it are skipped by rank."""
        skip = 0
        while not should_stop():
            limit = await self._wait_turn(should_stop)
            if not limit:
                return
            page = await self._source.take(self._redis, self._run, source_set, skip, limit)
            if page.is_end:
                return
            self.counts.running += page.running
            self.counts.cancelling += page.cancelling
            self.counts.without_payload += page.without_payload
            if page.foreign and not self._arq_workers_stopped:
                await self._source.release(self._redis, self._run, page.jobs)
                raise self._refused("it runs jobs of that queue")
            for raw_id, score in page.strays:
                self.counts.left[raw_id] = LeftJob(text(raw_id), f"its score there, {score}, is not a time")
            skip += page.looked - (await self._move_page(page) if page.jobs else 0)
            yield

    async def _wait_turn(self, should_stop: Callable[[], bool]) -> int:
        """Waits until members may be moved; returns how many, or 0 if it must stop."""
        turn = asyncio.ensure_future(self._limiter.wait(PAGE))
        try:
            while not turn.done():
                if should_stop():
                    return 0
                await asyncio.wait([turn], timeout=_STOP_WITHIN_S)
        finally:
            turn.cancel()
        return turn.result()

    async def _move_page(self, page: TakenPage) -> int:
        """Moves the jobs of a page; returns how many are gone from the source."""
        answers = await self._put(page)
        arrived: list[MovedJob] = []
        others: list[MovedJob] = []
        for job, answer in zip(page.jobs, answers, strict=True):
            (arrived if answer in (Put.ADDED, Put.WAS_IN) else others).append(job)
            if answer is Put.WAS_IN and job.cancel_asked_ms is not None:
                await self._target.request_cancel(self._redis, job.raw_id)
            if answer in _WHY_LEFT:
                self.counts.left[job.raw_id] = LeftJob(text(job.raw_id), _WHY_LEFT[answer])
        if others:
            await self._source.release(self._redis, self._run, others)
        self._half |= {job.raw_id for job in arrived}
        gone = await self._drop(arrived) if arrived else []
        if gone:
            source = self._source.ref
            await self._target.forget(self._redis, Marks(page.now_ms, tuple(mark_of(source, job) for job in gone)))
        added = {job.raw_id for job, answer in zip(page.jobs, answers, strict=True) if answer is Put.ADDED}
        self.counts.moved += sum(job.raw_id in added for job in gone)
        self.counts.was_in += sum(job.raw_id not in added for job in gone)
        return len(gone)

    async def _put(self, page: TakenPage) -> list[Put]:
        """Puts the jobs of a page into the target. If that is refused, releases them before their leases expire."""
        try:
            return await self._target.put(self._redis, self._source.ref, page.jobs, page.now_ms)
        except (MoveRefusedError, UnsupportedError, *REDIS_ERRORS) as error:
            if isinstance(error, REDIS_ERRORS) and classify_failure(error) is CommandFailure.UNKNOWN:
                self._half |= {job.raw_id for job in page.jobs}
            else:
                with suppress(*REDIS_ERRORS):
                    await self._source.release(self._redis, self._run, page.jobs)
            raise

    async def _drop(self, arrived: Sequence[MovedJob]) -> list[MovedJob]:
        """Removes jobs from the source; first passes on to the target a cancellation requested meanwhile."""
        gone: list[MovedJob] = []
        left = list(arrived)
        while left:
            answers = await self._source.drop(self._redis, self._run, left)
            asked: list[MovedJob] = []
            for job, answer in zip(left, answers, strict=True):
                if answer.what is Dropped.GONE:
                    gone.append(job)
                elif answer.what is Dropped.ASKED:
                    if answer.request:
                        await self._target.request_cancel(self._redis, job.raw_id)
                    asked.append(replace(job, request=answer.request))
                elif answer.what is Dropped.RELEASED:
                    self.counts.cancelling += 1
                else:
                    self._half.discard(job.raw_id)
                    self.counts.taken.add(job.raw_id)
            left = asked
        ids = {job.raw_id for job in gone}
        self._half -= ids
        self.counts.taken -= ids
        return gone

    async def _close(self) -> None:
        """Lets the source be resumed, unless a job may be in both queues.

        An earlier run may have left such jobs in unknown places, so all jobs must have been seen.

        Raises:
            MoveRefusedError: another run has taken over.
            RedisError: Redis did not answer.
        """
        if self._half or self._has_earlier:
            return
        # Another run may take over at any moment, and its marks are not ours to release. They are not among the marks
        # seen while this run was the newest; dropping nothing tells whether it still is.
        marks = await self._target.find_marks(self._redis, self._source.ref)
        await self._source.drop(self._redis, self._run, [])
        if await self._target.forget(self._redis, marks):
            self.is_closed = await self._source.close(self._redis, self._run)

    async def _resume(self) -> None:
        """If nothing has been moved, leaves the source as it was found."""
        if self.is_closed and self._has_paused and not self.counts.moved + self.counts.was_in:
            self.is_resumed = await resume(self._redis, self._source.ref)
