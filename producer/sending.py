"""Runs enqueues through middleware: one job at a time, the outermost middleware first."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any, Final

from monarq.producer.enqueue.serializer import Envelope
from monarq.producer.results.handle import Handle
from monarq.shared.calls.run import NO_HEADERS
from monarq.shared.errors import EnqueueUnknownError, PartlyEnqueuedError
from monarq.shared.jobs.middleware import Outgoing, SendFunction, SendNext

AT_ONCE: Final = 100
"""How many jobs of one `enqueue_many` are in their middleware at the same time."""


def outgoing_of(envelope: Envelope, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outgoing:
    """A job in the form that middleware gets."""
    return Outgoing(
        job=envelope.job,
        job_name=envelope.job.name,
        queue=envelope.queue.ref.name,
        args=args,
        kwargs=kwargs,
        headers=envelope.headers or NO_HEADERS,
    )


def with_middleware(functions: Sequence[SendFunction], enqueue: SendNext) -> SendNext | None:
    """An enqueue wrapped in middleware; None without middleware."""
    if not functions:
        return None
    following = enqueue
    for function in reversed(functions):
        following = _Next(function, following)
    return following


class _Next:
    """A middleware and the next one."""

    __slots__ = ("_following", "_function")

    def __init__(self, function: SendFunction, following: SendNext) -> None:
        self._function = function
        self._following = following

    async def __call__(self, outgoing: Outgoing) -> Handle[Any]:
        made: object = self._function(outgoing, self._following)
        if inspect.isawaitable(made):
            made = await made
        if not isinstance(made, Handle):
            name = getattr(self._function, "__qualname__", self._function)
            raise TypeError(
                f"the middleware {name} returned {made!r}: it must return a handle, usually the one that call_next"
                " returned"
            )
        return made


async def send_each(send: SendNext, jobs: Sequence[Outgoing]) -> list[Handle[Any]]:
    """Enqueues many jobs, each through its middleware, and returns their handles in order.

    Raises:
        PartlyEnqueuedError: some jobs were enqueued, and others were not or their outcome is unknown.
        BaseException: the first exception, if none was enqueued.
    """
    handles: list[Handle[Any] | BaseException | None] = [None] * len(jobs)
    numbers = iter(range(len(jobs)))
    failed = False

    async def work() -> None:
        nonlocal failed
        for at in numbers:
            if failed:
                return
            try:
                handles[at] = await send(jobs[at])
            except Exception as error:  # noqa: BLE001 - a user's middleware may raise anything
                handles[at], failed = error, True

    await asyncio.gather(*(work() for _ in range(min(AT_ONCE, len(jobs)))))
    made = [handle for handle in handles if isinstance(handle, Handle)]
    if len(made) == len(jobs):
        return made
    error = next(found for found in handles if isinstance(found, BaseException))
    unknown = [
        (at, job_id)
        for at, found in enumerate(handles)
        if isinstance(found, EnqueueUnknownError)
        for job_id in found.job_ids
    ]
    if not made and not unknown:
        raise error
    raise PartlyEnqueuedError(error, [handle.job_id for handle in made], unknown, len(jobs)) from error
