"""Bound enqueue: many calls of any jobs. Calls of the same job with the same options are sent in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple

from monarq.producer.enqueue.bulk import BulkEnqueuer
from monarq.producer.enqueue.serializer import Envelope, JobSerializer, check_not_called
from monarq.shared.errors import ArgumentsError, EnqueueUnknownError, PartlyEnqueuedError
from monarq.shared.jobs.job import BoundJob, enqueue_options, types_of
from monarq.shared.tracing.tracing import sending

MAX_GROUPS: Final = 32
"""How many groups are enqueued at the same time."""


class EnqueuedJob(NamedTuple):
    """A job that is in its queue.

    Attributes:
        envelope: the envelope that it was sent with.
        job_id: its id.
        existed: whether a job or a result with the caller's job_id was there already.
    """

    envelope: Envelope
    job_id: str
    existed: bool = False


EnqueueOne = Callable[[Envelope, tuple[Any, ...], Mapping[str, Any]], Awaitable[EnqueuedJob]]


@dataclass(slots=True)
class _Group:
    """Calls that share an envelope; `positions` are their positions among all calls."""

    envelope: Envelope
    positions: list[int] = field(default_factory=list)
    args: list[tuple[Any, ...]] = field(default_factory=list)
    kwargs: list[dict[str, Any]] = field(default_factory=list)


class BoundEnqueuer:
    """Enqueues bound jobs.

    Args:
        serializer: makes envelopes and payloads.
        bulk: enqueues calls that share an envelope.
        enqueue_one: enqueues a job with a job_id chosen by the caller.
    """

    def __init__(self, serializer: JobSerializer, bulk: BulkEnqueuer, enqueue_one: EnqueueOne) -> None:
        self._serializer = serializer
        self._bulk = bulk
        self._enqueue_one = enqueue_one

    async def enqueue(self, calls: Sequence[BoundJob[Any]]) -> list[EnqueuedJob]:
        """Enqueues the calls, and returns the enqueued jobs in the same order. All calls are checked first.

        Calls of the same job with the same options keep their order in the queue.

        Raises:
            ArgumentsError: one of them is not a bound job, or has arguments that its job does not accept.
            PartlyEnqueuedError: some were enqueued, and others were not or their outcome is unknown.
            MonarqError: as `BulkEnqueuer.enqueue`; nothing was enqueued.
        """
        groups = iter(self._groups(calls))
        done: dict[int, EnqueuedJob] = {}
        while window := list(islice(groups, MAX_GROUPS)):
            outcomes = await asyncio.gather(*map(self._enqueue_group, window), return_exceptions=True)
            failures: list[tuple[_Group, BaseException]] = []
            for group, outcome in zip(window, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    failures.append((group, outcome))
                else:
                    done.update(zip(group.positions, outcome, strict=True))
            if failures:
                raise _resulting_error(failures, done, len(calls))
        return [done[position] for position in range(len(calls))]

    def check(self, calls: Sequence[BoundJob[Any]]) -> None:
        """Checks the calls without enqueueing them.

        Raises:
            ArgumentsError: as `enqueue`.
        """
        self._groups(calls)

    def _groups(self, calls: Sequence[BoundJob[Any]]) -> list[_Group]:
        groups: dict[Any, _Group] = {}
        for position, call in enumerate(calls):
            if not isinstance(call, BoundJob):
                raise _not_bound(call)
            options = enqueue_options(call.job)
            key = (types_of(call.job), options) if options.job_id is None else position
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(self._serializer.envelope(call.job))
            args, kwargs = self._serializer.arguments.encode(call.job, call.args, call.kwargs)
            group.positions.append(position)
            group.args.append(args)
            group.kwargs.append(kwargs)
        return list(groups.values())

    async def _enqueue_group(self, group: _Group) -> list[EnqueuedJob]:
        envelope = group.envelope
        if envelope.job_id is not None:
            return [await self._enqueue_one(envelope, group.args[0], group.kwargs[0])]
        with sending(envelope.queue.ref.name, envelope.job.name, count=len(group.args)) as envelope.trace:
            job_ids = await self._bulk.enqueue_encoded(envelope, group.args, group.kwargs)
        return [EnqueuedJob(envelope, job_id) for job_id in job_ids]


def _not_bound(given: object) -> ArgumentsError:
    check_not_called(given)
    return ArgumentsError(
        f"a list of jobs must contain only jobs with their arguments, job.bind(...), but one is {given!r}"
    )


def _resulting_error(
    failures: Sequence[tuple[_Group, BaseException]], done: Mapping[int, EnqueuedJob], total: int
) -> BaseException:
    """The error to raise: the first one itself if no job was enqueued or may have been."""
    first = failures[0][1]
    if not isinstance(first, Exception):
        return first
    enqueued = [done[position].job_id for position in sorted(done)]
    unknown: list[tuple[int, str]] = []
    for group, failure in failures:
        if isinstance(failure, PartlyEnqueuedError):
            enqueued += failure.enqueued
        if isinstance(failure, EnqueueUnknownError):
            unknown += _unknown_of(group, failure)
    if not enqueued and (not unknown or len(failures) == 1):
        return first
    made = PartlyEnqueuedError(first, enqueued, sorted(unknown), total)
    made.__cause__ = first
    return made


def _unknown_of(group: _Group, failure: EnqueueUnknownError) -> Iterator[tuple[int, str]]:
    within = failure.positions if isinstance(failure, PartlyEnqueuedError) else range(len(failure.job_ids))
    return ((group.positions[at], job_id) for at, job_id in zip(within, failure.job_ids, strict=True))
