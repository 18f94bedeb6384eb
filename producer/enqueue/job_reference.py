"""Job references: jobs by name, for producers that cannot import the code of the job."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeVar, overload

from monarq.shared.calls.signature import CallSignature
from monarq.shared.errors import ArgumentsError, SettingsError
from monarq.shared.jobs.job import Job, options_hint, types_of
from monarq.shared.jobs.options import JobOptions
from monarq.shared.lane import Lane
from monarq.shared.queue import Queue, checked_ref
from monarq.shared.validation import check_name

R = TypeVar("R")

_ARQ_OPTIONS: Final = frozenset({"_job_id", "_queue_name", "_defer_until", "_defer_by", "_expires"})
"""Options that arq's ``enqueue_job`` accepts among a job's arguments."""


class JobReference(Job[..., R]):
    """A job by its name. It can be enqueued with any arguments, but not called, as its function is elsewhere."""

    def __init__(self, options: JobOptions, kind: Any = Any) -> None:
        """Makes a reference whose result is of the type `kind`."""
        super().__init__(_not_callable_here, options, CallSignature(returns=kind), is_awaited=False)
        self.__name__ = self.__qualname__ = options.name

    def check_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Checks only that no arq-style option is among the arguments; the worker knows the signature.

        Raises:
            ArgumentsError: there is one.
        """
        given = [name for name in kwargs if name in _ARQ_OPTIONS]
        if given:
            hint = options_hint(kwargs, f"named({self.name!r})")
            raise ArgumentsError(f"{self.name}: {given[0]} is not an argument of a job{hint}")


@overload
def named(name: str, *, lane: str | Lane = Lane.IO, queue: str | Queue | None = None) -> JobReference[Any]: ...
@overload
def named(
    name: str, *, lane: str | Lane = Lane.IO, queue: str | Queue | None = None, type: type[R]
) -> JobReference[R]: ...
def named(
    name: str,
    *,
    lane: str | Lane = Lane.IO,
    queue: str | Queue | None = None,
    type: Any = Any,  # noqa: A002 - what it is called in the API
) -> JobReference[Any]:
    """A job by its name, for ``enqueue``, ``enqueue_many`` and ``map``, with or without ``.options``.

    Args:
        name: its name in the worker.
        lane: the lane that it is declared for, "io", "cpu" or "thread". A wrong one costs time, not correctness: the
            first worker that claims the job moves it to the right lane. Default: "io".
        queue: the queue to put it into. Default: the producer's.
        type: the type of its result, as annotated in the worker; ``handle.result()`` converts to it. A union works at
            run time, but type checkers do not follow it. Default: the plain value, not converted.

    Raises:
        SettingsError: a name is invalid, or there is no such lane.
        DeclarationError: a result of this type cannot be rebuilt.
    """
    check_name(name, "a job's name")
    queue_ref = checked_ref(queue)
    try:
        made = JobReference[Any](JobOptions(name, Lane(lane), queue_ref=queue_ref), type)
    except ValueError:
        raise SettingsError(f"there is no lane {lane!r}; the lanes are {', '.join(Lane)}") from None
    _ = types_of(made).result  # raises here if the type cannot work
    return made


@lru_cache(maxsize=1024)
def job_reference(name: str) -> JobReference[Any]:
    """A reference with default options, cached, as producers keep using the same few names."""
    return named(name)


def _not_callable_here(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError("a job made with named(...) has no function here: enqueue it instead of calling it")
