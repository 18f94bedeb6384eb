"""The interface of a queue for producers, which each format implements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.job_state import FoundState
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.client import RedisClient


class Unfinished(StrEnum):
    """Why a job has no result."""

    ALIVE = "alive"
    """It waits or runs."""
    GONE = "gone"
    """There is no such job, or its result was not kept."""


class StaleIdsError(Exception):
    """Nothing was enqueued, because the ids do not suit the queue's current shards: make new ones."""


class ProducerQueue(Protocol):
    """One queue, as one producer and its handles use it.

    A producer keeps it as long as it uses the queue, so it may cache what it learns, such as Redis' time. Each method
    that takes a client raises RedisError or OSError if a call failed.
    """

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    @property
    def ended(self) -> str:
        """The channel on which the ends of jobs are published."""
        ...

    @property
    def reports(self) -> str:
        """The channel on which the progress of jobs is published."""
        ...

    @property
    def width(self) -> int:
        """The best number of parallel calls for enqueueing many jobs; 1 if more would not help."""
        ...

    def new_job_ids(self, count: int) -> list[str]:
        """Makes `count` unique ids for one call."""
        ...

    def payload_times(self, placement: Placement) -> PayloadTimes:
        """The times in the payload of a job that is enqueued now."""
        ...

    async def enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        """Puts jobs, given as id and payload, into the queue; at most `MAX_JOBS`.

        Args:
            redis: the client.
            placement: where and when they run.
            mode: where their ids come from, and whether the call is a repetition.
            call: a unique name of the call, the same for its repetitions.
            jobs: either one job, or jobs whose ids were made by one call of `new_job_ids`.

        Raises:
            ValueError: there are too many.
            StaleIdsError: the ids were made for this call, and new ones are needed. Never raised for a repetition.
        """
        ...

    async def find_results(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
        """The results of jobs. A job that ends during the call is found alive or with its result."""
        ...

    async def find_moved_to(self, redis: RedisClient) -> QueueRef | None:
        """The queue that jobs of this one were last moved to; None if none were moved."""
        ...

    async def find_state(self, redis: RedisClient, job_id: str) -> FoundState:
        """The current state of a job; "ended" if its result exists."""
        ...

    async def find_progress(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | None]:
        """The last report of each of these jobs, in the published form."""
        ...

    async def cancel(self, redis: RedisClient, job_id: str) -> CancelAnswer:
        """Requests the cancellation of a job."""
        ...

    def split_ended(self, message: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        """The ended jobs in a message of the channel: raw ids, with their results if the message contains them.

        It contains no results for ids chosen by users, as such a job may have been enqueued again before the message
        arrives.
        """
        ...

    def split_reports(self, message: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The reports in a message of the progress channel, by raw id."""
        ...
