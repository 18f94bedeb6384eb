"""The interface of a queue for monitors, which each format implements.

The cost of reads does not depend on the queue's length. Each method raises RedisError or OSError if a call failed, and
may then be called again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, Literal, Protocol

from redis.asyncio import Redis

from monarq.shared.payloads.progress import Progress
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.counters import QueueCounters, Rates, Series, Step
from monarq.shared.protocol.counts import Counts
from monarq.shared.protocol.dead_letters import DeadEntry, DeadRecord
from monarq.shared.protocol.job_facts import JobFacts, Trace
from monarq.shared.protocol.monitor_records import CronRecord, EndedRecord, WorkerRecord
from monarq.shared.protocol.pages import LiveState, Page, PagePosition
from monarq.shared.protocol.queue_ref import QueueRef

WaitingState = Literal["queued", "deferred"]

ReadTrace = Callable[[Iterator[Any]], Trace]
"""Takes a queue's replies from those of a pipeline; errors are among them as exceptions."""

ReadWorkers = Callable[[Redis, Sequence[str]], Awaitable[dict[str, list[WorkerRecord]]]]
"""Reads the records of the workers of some queues of one format, by the queue's name, for all queues at once, as a
worker may serve many. At most 1,000 workers are read per queue; a worker without a record has been gone for a while."""


class QueueReads(Protocol):
    """Reads of the queue as a whole."""

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    async def is_known(self, redis: Redis) -> bool:
        """Whether it was used recently, or has waiting or running jobs; in the native format, also dead letters."""
        ...

    async def was_used(self, redis: Redis) -> bool:
        """Whether it is known, or any trace of use is left: then the queue exists, and may be empty."""
        ...

    async def read_counts(self, redis: Redis) -> Counts:
        """Its numbers."""
        ...

    async def read_rates(self, redis: Redis, step_s: int, steps: int) -> Rates:
        """Its counts over the newest steps of `step_s` seconds, without gaps, over ten minutes at most."""
        ...

    async def read_series(self, redis: Redis, job: str, step: Step, length: int) -> Series:
        """The counters of the newest steps, for the jobs with one name, or for all its jobs with ''."""
        ...

    async def read_counters(self, redis: Redis, minutes: int) -> QueueCounters:
        """Its counters over the last minutes, at most a day; 0 for those since the first job."""
        ...

    async def paused_since_ms(self, redis: Redis) -> int | None:
        """Since when it has been paused, unix ms by Redis' clock; None if it is not."""
        ...

    async def read_names(self, redis: Redis) -> list[str]:
        """The names of the jobs that workers have registered within the last day."""
        ...

    async def read_crons(self, redis: Redis) -> list[CronRecord]:
        """The records of crons that enqueue jobs to it, however old."""
        ...


class JobReads(Protocol):
    """Reads of the queue's jobs; they do not decode or change them."""

    async def browse(self, redis: Redis, state: LiveState, position: PagePosition | None, limit: int) -> Page:
        """A page of the waiting jobs, in the order in which they are due, or of the running jobs, worker by worker.

        Args:
            redis: the client.
            state: which jobs. A job that a stock arq worker runs counts as queued, and has a holder.
            position: where the page begins: `Page.next` of the previous page; None for the first page.
            limit: how many jobs, at most `monarq.shared.protocol.pages.BATCH`.

        Raises:
            PositionError: the position does not belong to this list.
        """
        ...

    async def read_facts(self, redis: Redis, raw_id: bytes, *, with_payload: bool) -> JobFacts:
        """The facts of a job, in one round trip.

        Args:
            redis: the client.
            raw_id: its id.
            with_payload: read the payload up to `LARGEST_READ`, not only its beginning.
        """
        ...

    def ask_trace(self, pipeline: Any, raw_id: bytes) -> ReadTrace:
        """Adds commands to a pipeline that find a trace of a job, so that all queues are asked in one round trip.

        Args:
            pipeline: the pipeline; run it with `raise_on_error=False`.
            raw_id: the job's id.

        Returns:
            The function that takes this queue's replies and returns what the queue has of the job.
        """
        ...

    async def read_progress(self, redis: Redis, job_ids: Sequence[str]) -> list[Progress | None]:
        """The last report of each of these jobs; None if there was none, or the job ended a while ago."""
        ...

    async def read_ended(self, redis: Redis, limit: int) -> list[EndedRecord]:
        """Jobs that ended most recently, newest first: a sample of those that each call ended."""
        ...


class DeadLetterReads(Protocol):
    """Reads of the queue's dead letters."""

    async def count_dead(self, redis: Redis) -> int:
        """How many dead letters it lists; some of them may have expired."""
        ...

    async def list_dead(self, redis: Redis, after: DeadEntry | float | None, limit: int) -> list[DeadEntry]:
        """Lists dead letters, newest first.

        Args:
            redis: the client.
            after: the entry before the first one, or a time, unix ms, after which none of them died; None for the
                newest.
            limit: how many.
        """
        ...

    async def read_dead(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[DeadRecord]:
        """The dead letters of these jobs, as far as they have one, in one round trip."""
        ...

    async def read_dead_payload(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """The payload of a dead job; None if it was gone, or there is no such letter."""
        ...


class QueueSteps(Protocol):
    """Steps that change the queue; each may be repeated."""

    async def pause(self, redis: Redis) -> bool:
        """Stops it from giving jobs to monarq's workers; returns whether it was already paused."""
        ...

    async def resume(self, redis: Redis) -> bool:
        """Resumes it and wakes its workers; returns whether it was paused.

        Raises:
            MoveRefusedError: a move of its jobs has not ended.
        """
        ...

    def purge(self, redis: Redis, states: Collection[WaitingState]) -> AsyncIterator[int]:
        """Deletes waiting jobs, at most a thousand per call; yields how many each call deleted, without zeros.

        Running jobs, and jobs that become due meanwhile, are not affected.

        Args:
            redis: the client.
            states: which jobs: "queued" are those that are due when the purge begins, "deferred" the others.
        """
        ...

    async def cancel(self, redis: Redis, job_id: str | bytes) -> CancelAnswer:
        """Requests the cancellation of a job."""
        ...

    async def promote(self, redis: Redis, raw_id: bytes) -> Promoted:
        """Makes a deferred job due now."""
        ...

    async def revive(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[Revived]:
        """Puts dead jobs back into the queue as if they had never run.

        Returns:
            What happened to each, in order. It may be shorter than `raw_ids`, but never empty: pass the rest again.

        Raises:
            ValueError: there are more than `monarq.shared.protocol.dead_letters.BATCH`.
        """
        ...

    async def discard(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[bool]:
        """Deletes dead letters; returns for each whether there was one.

        Raises:
            ValueError: there are more than `monarq.shared.protocol.dead_letters.BATCH`.
        """
        ...


class MonitorQueue(QueueReads, JobReads, DeadLetterReads, QueueSteps, Protocol):
    """One queue, as monitors read and steer it."""
