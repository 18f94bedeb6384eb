"""The interfaces of a move of jobs: one for the source queue, one for the target queue.

A run of a move takes a page of jobs from the source, puts it into the target, drops it from the source, and then lets
the target forget it. Each step may be repeated, and a run that is interrupted anywhere is completed by the next one:
the target marks each job from when it is put in until it is gone from the source, so that it is put in only once,
whatever has happened to it there. The source is paused, cannot be resumed until a run has completed everything that was
begun, and obeys only the newest run.
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
"""The most jobs in one call."""

PAGE_BYTES: Final = 16 * 1024 * 1024
"""A page takes no further job once it has this many bytes of payloads."""

LEASE_MS: Final = 60_000
"""How long a page belongs to its run; calls that arrive later do nothing."""

MARK_KEPT_MS: Final = 2 * LEASE_MS
"""How long the mark of a job is kept after it is gone from the source, for late repetitions of the put."""


@dataclass(frozen=True, slots=True)
class MovedJob:
    """A waiting job with everything that is moved with it, not decoded.

    Attributes:
        raw_id: its id.
        payload: its payload.
        lane_queue: the set that it waits in.
        due_ms: when it is due, or since when it has been queued, unix ms; fractions determine the order.
        is_queued: whether it is queued, regardless of the clock.
        tries: tries that it has used.
        crashes: how often its worker was lost while it ran.
        crash_note: what is known about the last of these crashes.
        unknown_ms: since when no worker has known its name, unix ms; None if a worker does.
        last_due_ms: when it was last due, unix ms; 0 if its payload has that.
        expires_ms: the time after which it is not started, unix ms; None for never, or if its payload has that.
        may_expire: whether its producer set an expiry.
        cancel_asked_ms: when its cancellation was requested, unix ms; None if it was not.
        request: the cancellation request as stored at the source, even if it is for an earlier job with the same id;
            b'' for none.
        history: the lines of its history, oldest first.
        progress: its last report; b'' for none.
        features: further properties that not every format supports; '' for none.
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
        """The payload's SHA-1, which differs for a later job with the same id."""
        return hashlib.sha1(self.payload, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Begun:
    """A move has begun: the run may now take jobs.

    Attributes:
        was_paused: whether the queue was paused before.
        goes_on: whether an earlier run left unfinished work.
    """

    was_paused: bool
    goes_on: bool


@dataclass(frozen=True, slots=True)
class TakenPage:
    """A page of jobs from one set.

    Attributes:
        now_ms: Redis' time.
        looked: how many members of the set were examined and are still there, including `jobs`.
        jobs: the jobs that can be moved.
        is_end: whether the set had no members after the skipped ones.
        running: how many are running.
        foreign: how many of the running ones are run by workers that ignore a pause.
        cancelling: how many are just being cancelled; they can be moved a moment later.
        without_payload: how many no longer have a payload.
        strays: ids and scores of members whose scores are not times, so that they are neither run nor moved.
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
    """Marks at a target, which are kept until the job is gone from the source.

    Attributes:
        found_ms: when they were found, by the clock of the target's Redis.
        marks: the marks.
    """

    found_ms: int
    marks: tuple[bytes, ...]


class Dropped(IntEnum):
    """What happened to a job at its source."""

    LOST = 0
    """It is no longer there, or no longer belongs to the run: nothing was done."""
    GONE = 1
    """It is gone."""
    ASKED = 2
    """Its cancellation was requested since it was taken: nothing was done."""
    RELEASED = 3
    """It is just being cancelled: it was given back."""


@dataclass(frozen=True, slots=True)
class DropAnswer:
    """What happened to a job at its source, and the request to cancel it, if it is still there because of that."""

    what: Dropped
    request: bytes = b""


class Put(IntEnum):
    """What happened to a job at its target."""

    TAKEN = 0
    """Another job with its id waits or runs there."""
    ADDED = 1
    """It was put in."""
    WAS_IN = 2
    """It had already been put in."""
    ENDED = 3
    """A job with its id has ended there, and its result is kept."""
    UNFIT = 4
    """The target's format cannot carry it."""
    LATE = 5
    """The page no longer belongs to the run: nothing was done."""


class MoveSource(Protocol):
    """The queue that jobs are taken from.

    Each method raises RedisError or OSError if a call failed, and may then be called again.
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
        """Checks whether `begin` would succeed; nothing is changed.

        Raises:
            MoveRefusedError: a move to another queue has not ended, or the queue has shards.
            UnsupportedError: the queue was made by a later version of monarq.
        """
        ...

    async def find_obstacle(self, redis: Redis) -> str | None:
        """Why a move might run a job twice, in a few words, if there are workers that ignore a pause."""
        ...

    async def begin(self, redis: Redis, target: QueueRef, run: str) -> Begun:
        """Pauses the queue, and gives the run the exclusive right to take jobs.

        Raises:
            MoveRefusedError: a move to another queue has not ended, or the queue has shards.
            UnsupportedError: the queue was made by a later version of monarq.
        """
        ...

    async def take(self, redis: Redis, run: str, source_set: str, skip: int, limit: int) -> TakenPage:
        """Takes jobs from a set, so that no worker runs them.

        Args:
            redis: the client.
            run: the run.
            source_set: one of `sets`.
            skip: how many of its first members to skip.
            limit: how many members, at most `PAGE`.

        Raises:
            MoveRefusedError: another run has taken over.
        """
        ...

    async def drop(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> list[DropAnswer]:
        """Drops taken jobs, which are now at the target, without results; callers that wait for one are notified.

        Raises:
            MoveRefusedError: another run has taken over.
        """
        ...

    async def release(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> None:
        """Gives taken jobs back, each to its old place."""
        ...

    async def close(self, redis: Redis, run: str) -> bool:
        """Ends the move: no job is half-moved. The queue stays paused, and can be resumed.

        Returns:
            False if another run has taken over; then nothing was done.
        """
        ...


class MoveTarget(Protocol):
    """The queue that jobs are put into.

    Each method raises RedisError or OSError if a call failed, and may then be called again.
    """

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    async def check(self, redis: Redis) -> None:
        """Checks whether `put` would succeed; nothing is changed.

        Raises:
            MoveRefusedError: its own jobs are being moved to another queue, or it has shards.
            UnsupportedError: the queue was made by a later version of monarq.
            RedisError: Redis did not answer, or the user lacks the right to the queue.
        """
        ...

    async def put(self, redis: Redis, source: QueueRef, jobs: Sequence[MovedJob], taken_ms: int) -> list[Put]:
        """Puts jobs in and marks them, each once, at the place where they would be if they had been enqueued here.

        Args:
            redis: the client.
            source: the queue that they come from.
            jobs: the jobs, at most `PAGE`.
            taken_ms: when they were taken, by Redis' clock; a call later than `LEASE_MS` after that does nothing.

        Raises:
            MoveRefusedError: its own jobs are being moved to another queue, or it has shards.
            UnsupportedError: the queue was made by a later version of monarq.
        """
        ...

    async def request_cancel(self, redis: Redis, raw_id: bytes) -> None:
        """Requests the cancellation of a job that was put in."""
        ...

    async def find_marks(self, redis: Redis, source: QueueRef) -> Marks:
        """Finds the marks of a source's jobs that no run has released."""
        ...

    async def forget(self, redis: Redis, marks: Marks) -> bool:
        """Releases marks of jobs that are gone from the source; they are kept for another `MARK_KEPT_MS`.

        Returns:
            False if the call came `LEASE_MS` or more after they were found, so that not all were released: a mark may
            be that of a job that has come back and is being moved again.
        """
        ...
