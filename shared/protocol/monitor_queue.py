"""What a monitor says to a queue, whatever its format: the contract that each format implements.

No read costs more where a queue is longer. Each method raises RedisError or OSError where a call failed, and may be
called again then.
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
"""Takes a queue's replies from those of a pipeline; an error is among them as an exception."""

ReadWorkers = Callable[[Redis, Sequence[str]], Awaitable[dict[str, list[WorkerRecord]]]]
"""Reads the records of the workers of some queues of one format, by the queue's name: of all queues at once, as workers
have many queues. Of a queue's workers at most 1,000 are read; one without a record has been gone for a while."""


class QueueReads(Protocol):
    """Reads of the queue as a whole."""

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    async def is_known(self, redis: Redis) -> bool:
        """Whether it was used lately, or has jobs that wait or run; dead letters count in the native format."""
        ...

    async def was_used(self, redis: Redis) -> bool:
        """Whether it is known, or anything is left that tells that it was used: then it is there, and may be empty."""
        ...

    async def read_counts(self, redis: Redis) -> Counts:
        """Its numbers."""
        ...

    async def read_rates(self, redis: Redis, step_s: int, steps: int) -> Rates:
        """Its counts over the newest steps of so many seconds, without gaps, over ten minutes at most."""
        ...

    async def read_series(self, redis: Redis, job: str, step: Step, length: int) -> Series:
        """The counters of the newest steps; of the jobs of one name, or with '' of all its jobs."""
        ...

    async def read_counters(self, redis: Redis, minutes: int) -> QueueCounters:
        """Its counters over the last minutes, at most a day; 0 for those since the first job."""
        ...

    async def paused_since_ms(self, redis: Redis) -> int | None:
        """Since when it is paused, unix ms by Redis' clock; None where it is not."""
        ...

    async def is_name_known(self, redis: Redis, name: str) -> bool:
        """Whether a worker has registered a job of this name within the last day."""
        ...

    async def read_crons(self, redis: Redis) -> list[CronRecord]:
        """What workers said of the crons that put jobs into it, however long ago."""
        ...


class JobReads(Protocol):
    """Reads of the queue's jobs; none decodes or changes one."""

    async def browse(self, redis: Redis, state: LiveState, position: PagePosition | None, limit: int) -> Page:
        """A page of the jobs that wait, in the order in which they are due; or of those that run, worker by worker.

        Args:
            redis: the client.
            state: which jobs. One that a stock arq worker runs is among the queued, with its holder.
            position: where the page begins: `Page.next` of the one before; None for the first page.
            limit: how many jobs, at most `monarq.shared.protocol.pages.BATCH`.

        Raises:
            PositionError: the position is none of this list.
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
        """Adds to a pipeline what finds a trace of a job: all `monitor_queues` are asked in one round trip.

        Args:
            pipeline: the pipeline; run it with `raise_on_error=False`.
            raw_id: the job's id.

        Returns:
            The function that takes this queue's replies and says what it has of the job.
        """
        ...

    async def read_progress(self, redis: Redis, job_ids: Sequence[str]) -> list[Progress | None]:
        """The last report of each of these jobs; None where there was none, or the job ended a while ago."""
        ...

    async def read_ended(self, redis: Redis, limit: int) -> list[EndedRecord]:
        """The jobs that ended last, newest first: a few of each call that ended some."""
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
            after: the one before them; or a time, unix ms, after which none of them died; None for the newest.
            limit: how many.
        """
        ...

    async def read_dead(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[DeadRecord]:
        """The dead letters of those of these jobs that have one, in one round trip."""
        ...

    async def read_dead_payload(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """The payload of a dead job; None where it was gone, or there is no such letter."""
        ...


class QueueSteps(Protocol):
    """Steps that change the queue; each may be repeated."""

    async def pause(self, redis: Redis) -> bool:
        """Stops it from giving jobs to monarq's workers; returns whether it did so already."""
        ...

    async def resume(self, redis: Redis) -> bool:
        """Lets it go on and wakes its workers; returns whether it was paused.

        Raises:
            MoveRefusedError: a move of its jobs has not ended.
        """
        ...

    def purge(self, redis: Redis, states: Collection[WaitingState]) -> AsyncIterator[int]:
        """Deletes waiting jobs, at most a thousand a call; yields how many each call deleted, 0 left out.

        Jobs that run, and those that become due meanwhile, are not touched.

        Args:
            redis: the client.
            states: which jobs: "queued" are those that are due when it begins, "deferred" the others.
        """
        ...

    async def cancel(self, redis: Redis, job_id: str | bytes) -> CancelAnswer:
        """Requests that a job be stopped, or not be started."""
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
