"""Bulk enqueue: many calls of one job, in batches. The next batch is encoded while Redis processes those before it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, Final

from monarq.producer.enqueue.serializer import Envelope, JobSerializer
from monarq.producer.enqueue.submitter import Submitter
from monarq.shared.errors import EnqueueUnknownError, PartlyEnqueuedError, SettingsError
from monarq.shared.protocol.enqueue import MAX_JOBS, Enqueued
from monarq.shared.protocol.producer_queue import StaleIdsError

MAX_IN_FLIGHT: Final = 2
"""How many batches are in flight at the same time, for each call that the queue prefers for many jobs: one that Redis
is processing and one on its way."""

LEAST_BATCH: Final = 50
"""The fewest jobs in a batch: fewer are not worth a call of their own."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""A batch of large payloads is limited to this size, as Redis buffers the whole batch before it starts."""

_NO_KWARGS: Final[dict[str, Any]] = {}

Batch = list[tuple[str, bytes]]
InFlight = tuple[list[str], asyncio.Task[list[Enqueued]]]
"""A batch's ids, and the task that submits it. The payloads are released as soon as the task has ended."""


class BulkEnqueuer:
    """Enqueues many jobs.

    Args:
        submitter: enqueues one batch.
        serializer: makes the payloads.
    """

    def __init__(self, submitter: Submitter, serializer: JobSerializer) -> None:
        self._submitter = submitter
        self._serializer = serializer

    async def enqueue(self, envelope: Envelope, arguments: Sequence[tuple[Any, ...]]) -> list[str]:
        """Enqueues one job for each tuple of arguments, and returns their ids, in order.

        Raises:
            ArgumentsError: one of them is not a tuple, or does not fit the job; nothing was enqueued.
            SettingsError: the options contain a job_id; nothing was enqueued.
            PartlyEnqueuedError: it failed after some jobs were enqueued.
            MonarqError: nothing was enqueued; see `Submitter.submit` and `JobSerializer.serialize`.
        """
        check_no_id(envelope, len(arguments))
        return await self.enqueue_encoded(envelope, self._serializer.arguments.encode_rows(envelope.job, arguments))

    async def enqueue_encoded(
        self, envelope: Envelope, arguments: Sequence[tuple[Any, ...]], named: Sequence[dict[str, Any]] | None = None
    ) -> list[str]:
        """Enqueues jobs whose arguments are encoded, and returns their ids, in order.

        Args:
            envelope: their envelope, without a job_id.
            arguments: the positional arguments of each.
            named: the keyword arguments of each. Default: none.

        Raises:
            PartlyEnqueuedError: it failed after some jobs were enqueued.
            MonarqError: nothing was enqueued; see `Submitter.submit` and `JobSerializer.serialize`.
        """
        in_flight: list[InFlight] = []
        most = MAX_IN_FLIGHT * envelope.queue.width
        try:
            for first, batch in self._batches(envelope, arguments, named):
                if len(in_flight) >= most:
                    await in_flight[-most][1]
                job_ids = [job_id for job_id, _ in batch]
                task = asyncio.create_task(self._submit(envelope, job_ids, batch, arguments, named, first))
                in_flight.append((job_ids, task))
                # Let the task send its batch before the next one is encoded.
                await asyncio.sleep(0)
            for _, task in in_flight[-most:]:
                await task
        except Exception as error:
            await _wait_for_all(in_flight)
            raise _resulting_error(error, in_flight, len(arguments)) from error
        except asyncio.CancelledError:
            for _, task in in_flight:
                task.cancel()
            await _wait_for_all(in_flight)
            raise
        return [job_id for job_ids, _ in in_flight for job_id in job_ids]

    async def _submit(
        self,
        envelope: Envelope,
        job_ids: list[str],
        batch: Batch,
        arguments: Sequence[tuple[Any, ...]],
        named: Sequence[dict[str, Any]] | None,
        first: int,
    ) -> list[Enqueued]:
        """Submits a batch, whose arguments begin at `first`. If its ids are replaced, so are those in `job_ids`."""
        try:
            return await self._submitter.submit(envelope, batch)
        except StaleIdsError:
            job_ids[:] = envelope.queue.new_job_ids(len(batch))
        serialize = self._serializer.serialize
        part = slice(first, first + len(batch))
        rows = zip(job_ids, arguments[part], repeat(_NO_KWARGS) if named is None else named[part], strict=False)
        made = [(job_id, serialize(envelope, job_id, args, kwargs)) for job_id, args, kwargs in rows]
        return await self._submitter.submit(envelope, made)

    def _batches(
        self, envelope: Envelope, arguments: Sequence[tuple[Any, ...]], named: Sequence[dict[str, Any]] | None
    ) -> Iterator[tuple[int, Batch]]:
        """Batches of ids, each for one call, with the position at which their arguments begin."""
        batch: Batch = []
        size = done = 0
        serialize = self._serializer.serialize
        length = min(MAX_JOBS, max(LEAST_BATCH, math.ceil(len(arguments) / envelope.queue.width)))
        for at in range(0, len(arguments), length):
            part = arguments[at : at + length]
            times = envelope.queue.payload_times(envelope.placing)
            part_named = repeat(_NO_KWARGS) if named is None else named[at : at + length]
            for job_id, args, kwargs in zip(envelope.queue.new_job_ids(len(part)), part, part_named, strict=False):
                payload = serialize(envelope, job_id, args, kwargs, times)
                if batch and size + len(payload) > BATCH_BYTES:
                    yield done, batch
                    done, batch, size = done + len(batch), [], 0
                batch.append((job_id, payload))
                size += len(payload)
            yield done, batch
            done, batch, size = done + len(batch), [], 0


def check_no_id(envelope: Envelope, count: int) -> None:
    """Checks that several jobs do not share one id.

    Raises:
        SettingsError: the options contain a job_id.
    """
    if envelope.job_id is not None:
        raise SettingsError(
            f"job_id={envelope.job_id!r} cannot be the id of {count:,} jobs: give each its own with job.bind(...)"
            ".options(job_id=...)"
        )


async def _wait_for_all(in_flight: list[InFlight]) -> None:
    await asyncio.gather(*(task for _, task in in_flight), return_exceptions=True)


def _resulting_error(error: Exception, in_flight: list[InFlight], total: int) -> Exception:
    """The error to raise: `error` itself if no job was enqueued or may have been."""
    enqueued: list[str] = []
    unknown: list[tuple[int, str]] = []
    position = 0
    for job_ids, task in in_flight:
        failure = task.exception()
        if failure is None:
            enqueued += job_ids
        elif isinstance(failure, EnqueueUnknownError):
            unknown += enumerate(job_ids, start=position)
        position += len(job_ids)
    if not enqueued and (not unknown or (isinstance(error, EnqueueUnknownError) and len(unknown) == total)):
        return error
    return PartlyEnqueuedError(error, enqueued, unknown, total)
