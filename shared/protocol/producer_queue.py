"""What a producer says to a queue, whatever its format: the contract that each format implements."""

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
    """Why there is no result of a job."""

    ALIVE = "alive"
    """It waits or runs."""
    GONE = "gone"
    """There is no such job, or its result was not kept."""


class StaleIdsError(Exception):
    """Nothing was enqueued, as the ids were made before much was known of the queue: make new ones."""


class ProducerQueue(Protocol):
    """One queue, as one producer and its handles use it.

    A producer keeps it as long as it uses the queue, so it may keep what it learns, such as Redis' time. Each method
    that gets a client raises RedisError or OSError where a call failed.
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
        """In how many calls at a time many jobs are best put in; 1 where one is as good."""
        ...

    def new_job_ids(self, count: int) -> list[str]:
        """So many unique ids, for one call."""
        ...

    def payload_times(self, placement: Placement) -> PayloadTimes:
        """The times for the payload of a job that is enqueued now."""
        ...

    async def enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        """Puts jobs, given as id and payload, into the queue; at most `MAX_JOBS`.

        Args:
            redis: the client.
            placement: where and when they run.
            mode: where their ids come from, and whether the call is a repeated one.
            call: a unique name of the call, the same for its repetitions.
            jobs: the jobs: one, or those whose ids one call of `new_job_ids` has made.

        Raises:
            ValueError: there are too many.
            StaleIdsError: the ids were made for this call, and new ones are needed; only where it is no repeated one.
        """
        ...

    async def find_results(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
        """The results of jobs. A job that ends meanwhile is found as alive, or with its result."""
        ...

    async def find_moved_to(self, redis: RedisClient) -> QueueRef | None:
        """The queue that jobs of this one were moved to last; None where none were."""
        ...

    async def find_state(self, redis: RedisClient, job_id: str) -> FoundState:
        """What a job is doing now; "ended" where its result is there."""
        ...

    async def find_progress(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | None]:
        """The last report of each of these jobs, as it is published."""
        ...

    async def cancel(self, redis: RedisClient, job_id: str) -> CancelAnswer:
        """Asks for the cancellation of a job."""
        ...

    def split_ended(self, message: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        """The jobs that ended by a message of the channel: raw ids, with their results where it brings them.

        A message may arrive after its job was enqueued once more, so it brings no results of ids that users chose.
        """
        ...

    def split_reports(self, message: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The reports in a message of the channel of progress, by raw ids."""
        ...
