"""A declared job: an ordinary function that can be called and tested, and enqueued.

`monarq.shared.declare.job` makes them; the producer reads name, lane and options, the worker calls the function.
The four subclasses differ in nothing but the type of a direct call.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast

from monarq.shared.context import Context
from monarq.shared.errors import SettingsError
from monarq.shared.naming import check_name
from monarq.shared.options import EnqueueOptions, JobOptions
from monarq.shared.units import Duration, to_seconds

P = ParamSpec("P")
R = TypeVar("R")

OPTION_NAMES = frozenset({"defer_by", "defer_until", "expires", "job_id", "queue"})
"""What `Job.options` takes."""


class Job(Generic[P, R]):
    """A declared job.

    Attributes:
        function: the function as it was written.
        declared: its options.
        takes_context: whether its first parameter is a `Context`.
        enqueue_options: what `options` has set.
    """

    def __init__(self, function: Callable[..., Any], declared: JobOptions, *, takes_context: bool) -> None:
        self.function = function
        self.declared = declared
        self.takes_context = takes_context
        self.enqueue_options = EnqueueOptions()
        self._signature = _enqueued_signature(function, takes_context)
        self._simple_counts = _simple_counts(self._signature)
        functools.update_wrapper(cast("Callable[..., Any]", self), function)

    @property
    def name(self) -> str:
        """What the job is enqueued by."""
        return self.declared.name

    def __repr__(self) -> str:
        return f"<job {self.name} on the {self.declared.lane} lane>"

    def options(
        self,
        *,
        defer_by: Duration | None = None,
        defer_until: datetime | None = None,
        job_id: str | None = None,
        queue: str | None = None,
        expires: Duration | None = None,
    ) -> Self:
        """The same job, to be enqueued in another way. Asked again, the rest of what was given stays.

        Args:
            defer_by: seconds, or a timedelta, to wait before it is due. Default: none.
            defer_until: an aware time at which it is due. Default: now.
            job_id: an id of your own; while a job or a result of this id is there, it is not enqueued again.
                Default: a new one.
            queue: the queue to put it into. Default: the job's own, else the producer's.
            expires: seconds, or a timedelta, after which it is not started any more. Default: never.

        Raises:
            SettingsError: two of them contradict each other, or one has a value that cannot be.
        """
        if defer_by is not None and defer_until is not None:
            raise SettingsError("use either defer_by or defer_until, not both")
        if defer_until is not None and defer_until.tzinfo is None:
            raise SettingsError("defer_until has no time zone: give datetime.now(UTC) + … or another aware time")
        check_name(job_id, "job_id")
        check_name(queue, "queue")
        options = self.enqueue_options
        if defer_by is not None or defer_until is not None:
            options = replace(options, defer_by_s=to_seconds(defer_by, "defer_by"), defer_until=defer_until)
        if expires is not None:
            options = replace(options, expires_s=to_seconds(expires, "expires"))
        other = copy.copy(self)
        other.enqueue_options = replace(options, job_id=job_id or options.job_id, queue=queue or options.queue)
        return other

    def check_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Checks that the function could be called so.

        Raises:
            TypeError: it could not; the message names the job.
        """
        if not kwargs and len(args) in self._simple_counts:
            return
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}{self._signature}: {error}{_hint(kwargs)}") from None


def _hint(kwargs: dict[str, Any]) -> str:
    """What to write instead, where options were given among the arguments, as arq has it."""
    asked = {name.removeprefix("_").removesuffix("_name") for name in kwargs} & OPTION_NAMES
    if not asked:
        return ""
    return f"; give what is no argument by .options({', '.join(f'{name}=...' for name in sorted(asked))}) of the job"


class AsyncJob(Job[P, R]):
    """A job of an ``async def`` function."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Calls the function itself, here and now."""
        return cast("Coroutine[Any, Any, R]", self.function(*args, **kwargs))


class SyncJob(Job[P, R]):
    """A job of a plain function."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function itself, here and now."""
        return cast("R", self.function(*args, **kwargs))


class AsyncContextJob(Job[P, R]):
    """A job of an ``async def`` function that takes a `Context`."""

    def __call__(self, ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Calls the function itself, here and now."""
        return cast("Coroutine[Any, Any, R]", self.function(ctx, *args, **kwargs))


class SyncContextJob(Job[P, R]):
    """A job of a plain function that takes a `Context`."""

    def __call__(self, ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function itself, here and now."""
        return cast("R", self.function(ctx, *args, **kwargs))


def _enqueued_signature(function: Callable[..., Any], takes_context: bool) -> inspect.Signature:
    try:
        # Annotations that are quoted, all of them where a module postpones them, are shown as what they mean.
        signature = inspect.signature(function, eval_str=True)
    except Exception:  # noqa: BLE001 - they may name what exists for type checkers only, or be anything at all
        signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    return signature.replace(parameters=parameters[1:] if takes_context else parameters)


def _simple_counts(signature: inspect.Signature) -> range:
    """How many positional arguments are right on their own: binding a signature takes longer than enqueueing."""
    positional = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    others = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if others:
        return range(0)
    required = sum(p.default is p.empty for p in positional)
    return range(required, len(positional) + 1)
