"""Puts many jobs of one kind in: in batches, the next one encoded while Redis works on those before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

from monarq.producer.enqueue.serializer import Packer, Route, new_ids
from monarq.producer.enqueue.submitter import Submitter
from monarq.shared.commands.jobs.enqueue import BATCH, Enqueued
from monarq.shared.errors import EnqueueUnknownError, PartlyEnqueuedError, SettingsError

IN_FLIGHT: Final = 2
"""Batches that are under way: one that Redis works on and one that is on its way there."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""A batch of large payloads is cut at this size: Redis holds the whole of it before it begins."""

Batch = list[tuple[str, bytes]]
UnderWay = tuple[list[str], asyncio.Task[list[Enqueued]]]
"""A batch's ids, and its way to Redis. Its payloads are let go of as soon as it is there."""


class Bulk:
    """Enqueues many jobs.

    Args:
        submitter: puts one batch in.
        packer: makes the payloads.
    """

    def __init__(self, submitter: Submitter, packer: Packer) -> None:
        self._submitter = submitter
        self._packer = packer

    async def enqueue(self, route: Route, arguments: Sequence[tuple[Any, ...]]) -> list[str]:
        """Puts one job in for each tuple of arguments, and gives their ids, in order.

        Raises:
            TypeError: a tuple is none, or does not fit the job; nothing was enqueued.
            SettingsError: the options name an id; nothing was enqueued.
            PartlyEnqueuedError: it failed half-way.
            MonarqError: it failed with nothing in the queue: see `Submitter.submit` and `Packer.pack`.
        """
        _check(route, arguments)
        under_way: list[UnderWay] = []
        try:
            for batch in self._batches(route, arguments):
                if len(under_way) >= IN_FLIGHT:
                    await under_way[-IN_FLIGHT][1]
                task = asyncio.create_task(self._submitter.submit(route, batch))
                under_way.append(([job_id for job_id, _ in batch], task))
                # The task sends what it has, before the next batch is encoded.
                await asyncio.sleep(0)
            for _, task in under_way[-IN_FLIGHT:]:
                await task
        except Exception as error:
            await _settle(under_way)
            raise _tell(error, under_way, len(arguments)) from error
        except asyncio.CancelledError:
            for _, task in under_way:
                task.cancel()
            await _settle(under_way)
            raise
        return [job_id for job_ids, _ in under_way for job_id in job_ids]

    def _batches(self, route: Route, arguments: Sequence[tuple[Any, ...]]) -> Iterator[Batch]:
        batch: Batch = []
        size = 0
        pack = self._packer.pack
        no_kwargs: dict[str, Any] = {}
        for at in range(0, len(arguments), BATCH):
            part = arguments[at : at + BATCH]
            for job_id, args in zip(new_ids(len(part)), part, strict=True):
                payload = pack(route, job_id, args, no_kwargs)
                if batch and (len(batch) == BATCH or size + len(payload) > BATCH_BYTES):
                    yield batch
                    batch, size = [], 0
                batch.append((job_id, payload))
                size += len(payload)
        if batch:
            yield batch


def _check(route: Route, arguments: Sequence[tuple[Any, ...]]) -> None:
    if route.job_id is not None:
        raise SettingsError(
            f"job_id={route.job_id!r} is one id for {len(arguments):,} jobs: enqueue them one by one, each with its own"
        )
    check = route.job.check_arguments
    for args in arguments:
        if not isinstance(args, tuple):
            raise TypeError(
                f"arguments must be tuples, one a job, and one is {args!r}: write (value,) for a single value"
            )
        check(args, {})


async def _settle(under_way: list[UnderWay]) -> None:
    await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


def _tell(error: Exception, under_way: list[UnderWay], total: int) -> Exception:
    """The error to raise: `error` itself where nothing is in the queue, and nothing may be."""
    enqueued: list[str] = []
    unknown: list[tuple[int, str]] = []
    position = 0
    for job_ids, task in under_way:
        failure = task.exception()
        if failure is None:
            enqueued += job_ids
        elif isinstance(failure, EnqueueUnknownError):
            unknown += enumerate(job_ids, start=position)
        position += len(job_ids)
    if not enqueued and (not unknown or (isinstance(error, EnqueueUnknownError) and len(unknown) == total)):
        return error
    return PartlyEnqueuedError(error, enqueued, unknown, total)
