"""What a move of jobs says to the queue that it takes from and to the one that it puts into: a contract each.

A run of the move takes a page, puts it in, drops it, and then lets the target forget it. Each step may be repeated, and
a run that ends anywhere is made good by the next one: the target keeps a mark of each job from the moment it is in
until its source is gone, so that it is put in once, whatever has become of it there. The source is paused, cannot be
resumed until a run has ended all that was begun, and obeys the newest run alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

from redis.asyncio import Redis

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.queue_ref import QueueRef

PAGE: Final = 100
"""The most jobs of one call."""

PAGE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of payloads after which a page takes no further job."""

LEASE_MS: Final = 60_000
"""For how long a page is the run's own where others heed that; what comes later does nothing."""

MARK_KEPT_MS: Final = 2 * LEASE_MS
"""For how long the mark of a job stays when its source is gone: a late repetition of its arrival must find it."""


@dataclass(frozen=True, slots=True)
class MovedJob:
    """A waiting job, with all that goes along; nothing of it is decoded.

    Attributes:
        raw_id: its id.
        payload: its payload.
        lane_queue: the set that it waits in.
        due_ms: when it is due, or since when it has been queued, unix ms; fractions tell the order.
        is_queued: whether it is queued, whatever the clock says.
        tries: tries that it has used.
        crashes: how often its worker was lost while it ran.
        crash_note: what was known of the last time.
        unknown_ms: since when no worker has known its name, unix ms; None where this is not so.
        last_due_ms: when it was due last, unix ms; 0 where its payload says so.
        expires_ms: when it is not started any more, unix ms; None for never, or where its payload says so.
        may_expire: whether its producer asked for that.
        cancel_asked_ms: when its cancellation was requested, unix ms; None where it was not.
        request: the request as its source has it, also where that is of an earlier job of its id; b'' for none.
        history: the lines of its history, oldest first.
        progress: its last report; b'' for none.
        features: what else there is about it that not every format knows; '' for nothing.
    """

    raw_id: bytes
    payload: bytes
    lane_queue: LaneQueue
    due_ms: float
    is_queued: bool = False
    tries: int = 0
    crashes: int = 0
    crash_note: str = ""
    unknown_ms: int | None = None
    last_due_ms: int = 0
    expires_ms: int | None = None
    may_expire: bool = False
    cancel_asked_ms: int | None = None
    request: bytes = b""
    history: tuple[bytes, ...] = ()
    progress: bytes = b""
    features: str = ""

    @property
    def digest(self) -> str:
        """The payload's SHA-1: a later job of the same id has another one."""
        return hashlib.sha1(self.payload, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Begun:
    """A run may take jobs from now on.

    Attributes:
        was_paused: whether the queue was paused before.
        goes_on: whether a run before it has not ended all that it began.
    """

    was_paused: bool
    goes_on: bool


@dataclass(frozen=True, slots=True)
class TakenPage:
    """A page of a set.

    Attributes:
        now_ms: Redis' time.
        looked: how many members of the set it is about that are still there, the jobs included.
        jobs: those that can be moved.
        is_end: whether the set had no member behind those that were passed over.
        running: how many run.
        foreign: how many of these are run by workers that ignore a pause.
        cancelling: how many somebody is about to cancel; they can be moved a moment later.
        without_payload: how many have no payload any more.
        strays: members whose scores are no times, so that nobody runs them, and no move takes them: id and score.
    """

    now_ms: int
    looked: int
    jobs: tuple[MovedJob, ...] = ()
    is_end: bool = False
    running: int = 0
    foreign: int = 0
    cancelling: int = 0
    without_payload: int = 0
    strays: tuple[tuple[bytes, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks at a target that stay until their source is gone.

    Attributes:
        found_ms: when they were found, by the clock of the target's Redis.
        marks: the marks.
    """

    found_ms: int
    marks: tuple[bytes, ...]


class Dropped(IntEnum):
    """What happened to a job at its source."""

    LOST = 0
    """It is not there, or not the run's, any more: nothing was done."""
    GONE = 1
    """It is gone."""
    ASKED = 2
    """Its cancellation was requested since it was taken: nothing was done."""
    RELEASED = 3
    """Somebody is about to cancel it: it was given back."""


@dataclass(frozen=True, slots=True)
class DropAnswer:
    """What happened to a job at its source, and the request to cancel it, where that is why it is still there."""

    what: Dropped
    request: bytes = b""


class Put(IntEnum):
    """What happened to a job at its target."""

    TAKEN = 0
    """Another job of its id waits or runs there."""
    ADDED = 1
    """It is in."""
    WAS_IN = 2
    """It had been put in before."""
    ENDED = 3
    """A job of its id has ended there, and its result is kept."""
    UNFIT = 4
    """The target's format cannot carry it."""
    LATE = 5
    """The page is not the run's own any more: nothing was done."""


class MoveSource(Protocol):
    """The queue that jobs are taken from.

    Each method raises RedisError or OSError where a call failed, and may be called again then.
    """

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    @property
    def sets(self) -> Sequence[str]:
        """The sets in which its jobs wait, in the order in which they are moved."""
        ...

    async def check(self, redis: Redis, target: QueueRef) -> None:
        """Finds what stands in the way of `begin`; nothing is changed.

        Raises:
            MoveRefusedError: a move to another queue has not ended, or the queue has shards.
            UnsupportedError: a later version of monarq has made the queue.
        """
        ...

    async def find_obstacle(self, redis: Redis) -> str | None:
        """Why a move might run a job twice, in a few words, where workers are about that ignore a pause."""
        ...

    async def begin(self, redis: Redis, target: QueueRef, run: str) -> Begun:
        """Pauses the queue, and gives the run the sole right to take jobs.

        Raises:
            MoveRefusedError: a move to another queue has not ended, or the queue has shards.
            UnsupportedError: a later version of monarq has made the queue.
        """
        ...

    async def take(self, redis: Redis, run: str, source_set: str, skip: int, limit: int) -> TakenPage:
        """Takes jobs of a set, so that nobody else runs them.

        Args:
            redis: the client.
            run: the run.
            source_set: one of `sets`.
            skip: how many of its first members are passed over.
            limit: how many members, at most `PAGE`.

        Raises:
            MoveRefusedError: another run has taken over.
        """
        ...

    async def drop(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> list[DropAnswer]:
        """Drops taken jobs without results, as they are in at the target; tells who waits for one to look again.

        Raises:
            MoveRefusedError: another run has taken over.
        """
        ...

    async def release(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> None:
        """Gives taken jobs back, each at its place."""
        ...

    async def close(self, redis: Redis, run: str) -> bool:
        """Ends the move: no job is half moved. The queue stays paused, and can be resumed.

        Returns:
            False where another run has taken over: then nothing was done.
        """
        ...


class MoveTarget(Protocol):
    """The queue that jobs are put into.

    Each method raises RedisError or OSError where a call failed, and may be called again then.
    """

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    async def check(self, redis: Redis) -> None:
        """Finds what stands in the way of `put`; nothing is changed.

        Raises:
            MoveRefusedError: its own jobs are being moved to another queue, or it has shards.
            UnsupportedError: a later version of monarq has made the queue.
            RedisError: Redis did not answer, or gives no right to the queue.
        """
        ...

    async def put(self, redis: Redis, source: QueueRef, jobs: Sequence[MovedJob], taken_ms: int) -> list[Put]:
        """Puts jobs in, each once, where they would stand had they been enqueued here, and marks them.

        Args:
            redis: the client.
            source: where they come from.
            jobs: the jobs, at most `PAGE`.
            taken_ms: when they were taken, by Redis' clock; `LEASE_MS` after that the call does nothing any more.

        Raises:
            MoveRefusedError: its own jobs are being moved to another queue, or it has shards.
            UnsupportedError: a later version of monarq has made the queue.
        """
        ...

    async def request_cancel(self, redis: Redis, raw_id: bytes) -> None:
        """Requests the cancellation of a job that was put in."""
        ...

    async def find_marks(self, redis: Redis, source: QueueRef) -> Marks:
        """Finds the marks of a source's jobs that no run has let go."""
        ...

    async def forget(self, redis: Redis, marks: Marks) -> bool:
        """Lets marks go whose source is gone; a late arrival finds them for `MARK_KEPT_MS` yet.

        Returns:
            False where that came `LEASE_MS` after they were found, or later, and not all are gone: a mark may be that
            of a job that has come back, and is being moved again.
        """
        ...
