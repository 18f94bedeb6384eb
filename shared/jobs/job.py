"""A declared job: an ordinary function that can be called, tested and enqueued.

`monarq.shared.jobs.decorators.job` makes it. The producer reads its name, lane and options; the worker calls it.
The four subclasses differ only in the type of a direct call.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypedDict, TypeVar, Unpack, cast

from monarq.shared.calls.callables import name_of
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.job_types import JobTypes
from monarq.shared.calls.signature import CallSignature
from monarq.shared.calls.worker_call import worker_callable
from monarq.shared.errors import ArgumentsError, SettingsError
from monarq.shared.jobs.options import NO_ENQUEUE_OPTIONS, EnqueueOptions, JobOptions
from monarq.shared.options.retry import RetryOption
from monarq.shared.options.run_options import NO_OPTIONS, RunOptions
from monarq.shared.options.unknown_names import with_advice
from monarq.shared.parsing import Duration, check_time, to_seconds
from monarq.shared.queue import Queue, checked_ref
from monarq.shared.validation import check_headers, check_job_id

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

OPTION_NAMES = frozenset(
    {"defer_by", "defer_until", "expires", "headers", "job_id", "keep_result", "max_tries", "queue", "retry", "timeout"}
)
"""The options that `Job.options` takes."""


_ENQUEUES_ELSEWHERE = frozenset(
    {"apply_async", "defer", "delay", "enqueue", "kiq", "schedule", "send", "send_with_options"}
)
"""Names of the method that enqueues a job in other libraries."""


_CONTEXT_NAMES = frozenset({"context", "ctx", "self"})
"""The usual names of the context, which other libraries pass to an unannotated first parameter."""


class EnqueueKeywords(TypedDict, total=False):
    """The options of `Job.options`, where they are described."""

    defer_by: Duration | None
    defer_until: datetime | None
    job_id: str | None
    queue: str | Queue | None
    expires: Duration | None
    timeout: Duration | None
    retry: RetryOption | None
    max_tries: int | None
    keep_result: Duration | None


class Job(Generic[P, R]):
    """A declared job.

    Attributes:
        function: the function as it was written.
        signature: its call signature.
        worker_callable: what a worker calls: the function, with its context as the first argument if it takes one.
    """

    def __init__(
        self, function: Callable[..., Any], declared: JobOptions, signature: CallSignature, *, is_awaited: bool
    ) -> None:
        self._copy_metadata(function)
        self.function = function
        self._declared = declared
        self.signature = signature
        self.worker_callable = worker_callable(function, signature, is_awaited=is_awaited)
        self._enqueue_options = NO_ENQUEUE_OPTIONS
        self._types = JobTypes(declared.name, signature)
        self._simple_counts = signature.simple_counts

    def _copy_metadata(self, function: Callable[..., Any]) -> None:
        """Copies the function's name, documentation and attributes, except those that a job defines itself."""
        self.__name__ = self.__qualname__ = name_of(function)
        functools.update_wrapper(cast("Callable[..., Any]", self), function, updated=())
        own = dir(type(self))
        vars(self).update({name: value for name, value in getattr(function, "__dict__", {}).items() if name not in own})

    @property
    def takes_context(self) -> bool:
        """Whether the worker calls it with a `Context` or a `SyncContext`."""
        return self.signature.context is not None

    @property
    def name(self) -> str:
        """The name that the job is enqueued by."""
        return self._declared.name

    if not TYPE_CHECKING:  # type checkers would accept any attribute

        def __getattr__(self, name: str) -> Any:
            """For methods of other libraries, such as `delay`, raises an error that says how to enqueue a job."""
            if name in _ENQUEUES_ELSEWHERE:
                told = f"a job has no {name!r}: enqueue it with producer.enqueue({self.__name__}, ...)"
            else:
                told = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(told, name=name, obj=self)

    def __repr__(self) -> str:
        return f"<job {self.name} on the {self._declared.lane} lane>"

    @with_advice
    def options(
        self,
        *,
        defer_by: Duration | None = None,
        defer_until: datetime | None = None,
        job_id: str | None = None,
        queue: str | Queue | None = None,
        expires: Duration | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
        retry: RetryOption | None = None,
        max_tries: int | None = None,
        keep_result: Duration | None = None,
    ) -> Self:
        """The same job with other enqueue options. Options of an earlier call are kept unless they are given again.

        Args:
            defer_by: the `Duration` to wait before it is due, such as 30 or "1h30m". Default: none.
            defer_until: an aware datetime at which it is due. Default: now.
            job_id: your own id, at most 1,000 bytes. While a job or a result with this id exists, it is not enqueued
                again. Default: a new one.
            queue: the queue to put it into. Default: the job's own, else the producer's.
            expires: the `Duration` after which it is no longer started. Default: never.
            headers: a dict of text by name that is sent with it, for middleware and `Context.headers`. Default: none.
            timeout: the `Duration` that a run may take; 0 for no limit. This and the options below are sent in the
                job's payload for monarq's workers; arq's workers ignore them. Default: as set by ``@job``, the queue or
                the worker.
            retry: how it is retried after an exception, as in ``@job``, except that a function cannot be sent.
            max_tries: the maximum number of tries.
            keep_result: the `Duration` to keep its result; 0 for not at all, "forever" for no limit.

        Raises:
            SettingsError: two options contradict each other, or one has an invalid value.
            TypeError: there is no such option; the message suggests a similar one.
        """
        if defer_by is not None and defer_until is not None:
            raise SettingsError("use either defer_by or defer_until, not both")
        check_time(defer_until, "defer_until")
        check_job_id(job_id)
        queue_ref = checked_ref(queue)
        options = self._enqueue_options
        if defer_by is not None or defer_until is not None:
            options = replace(options, defer_by_s=to_seconds(defer_by, "defer_by"), defer_until=defer_until)
        if headers is not None:
            options = replace(options, headers=check_headers(headers))
        if expires is not None:
            options = replace(options, expires_s=to_seconds(expires, "expires"))
        run = RunOptions.read(timeout=timeout, retry=retry, max_tries=max_tries, keep_result=keep_result)
        if run != NO_OPTIONS:
            run.to_plain()  # raises if an option cannot be sent
            options = replace(options, run=run.over(options.run))
        other = copy.copy(self)
        other._enqueue_options = replace(  # noqa: SLF001 - the same class
            options, job_id=job_id or options.job_id, queue_ref=queue_ref or options.queue_ref
        )
        return other

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> BoundJob[R]:
        """The job and the arguments of one call as a single value, for lists of different jobs and for ``cron``.

        Args:
            args: the job's positional arguments.
            kwargs: its keyword arguments.

        Raises:
            ArgumentsError: the function cannot be called with this number or these names of arguments.
        """
        self.check_arguments(args, kwargs)
        return BoundJob(self, args, kwargs)

    def check_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Checks that the function can be called with these arguments.

        Raises:
            ArgumentsError: it cannot; the message names the job.
        """
        if not kwargs and len(args) in self._simple_counts:
            return
        try:
            self.signature.bind(args, kwargs)
        except TypeError as error:
            hint = options_hint(kwargs, self.__name__) or self._context_hint()
            raise ArgumentsError(f"{self.name}{self.signature}: {error}{hint}") from None

    def _context_hint(self) -> str:
        """A hint for a first parameter that looks like a context, but is not annotated as one."""
        first = next(iter(self.signature.accepts.parameters.values()), None)
        if (
            self.takes_context
            or first is None
            or first.name not in _CONTEXT_NAMES
            or first.annotation is not first.empty
        ):
            return ""
        kind = "Context" if isinstance(self, AsyncJob) else "SyncContext"
        return f"; if {first.name!r} is to be the context, annotate it as {kind}: {first.name}: {kind}"


class BoundJob(Generic[R_co]):
    """A job with its arguments, as `Job.bind` returns it: for ``enqueue``, ``enqueue_many``, ``map`` and ``cron``.

    Attributes:
        job: the job, with its enqueue options.
        args: the positional arguments.
        kwargs: the keyword arguments.
    """

    __slots__ = ("args", "job", "kwargs")

    def __init__(self, job: Job[..., R_co], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.job = job
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"{self.job.name}.bind({', '.join(given)})"

    def options(self, **options: Unpack[EnqueueKeywords]) -> BoundJob[R_co]:
        """The same call with other enqueue options; see `Job.options`.

        Raises:
            SettingsError: two options contradict each other, or one has an invalid value.
        """
        return BoundJob(self.job.options(**options), self.args, self.kwargs)


def declared_options(job: Job[..., Any]) -> JobOptions:
    """The options that a job was declared with."""
    return job._declared  # noqa: SLF001 - for monarq's own use, and no attribute that programs see


def enqueue_options(job: Job[..., Any]) -> EnqueueOptions:
    """The options that `Job.options` has set."""
    return job._enqueue_options  # noqa: SLF001


def types_of(job: Job[..., Any]) -> JobTypes:
    """The types of a job's arguments and result."""
    return job._types  # noqa: SLF001


def options_hint(kwargs: dict[str, Any], job: str) -> str:
    """A hint for options that were passed among the arguments, as in arq.

    Args:
        kwargs: the keyword arguments.
        job: the job as the program writes it.
    """
    given = {name.removeprefix("_").removesuffix("_name") for name in kwargs} & OPTION_NAMES
    if not given:
        return ""
    options = ", ".join(f"{name}=..." for name in sorted(given))
    return f"; pass it as an option: {job}.options({options})"


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
        try:
            return cast("Coroutine[Any, Any, R]", self.function(ctx, *args, **kwargs))
        except TypeError:
            _check_direct_call(self, (ctx, *args), kwargs)
            raise


class SyncContextJob(Job[P, R]):
    """A job of a plain function that takes a `SyncContext`."""

    def __call__(self, ctx: SyncContext, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function itself, here and now."""
        try:
            return cast("R", self.function(ctx, *args, **kwargs))
        except TypeError:
            _check_direct_call(self, (ctx, *args), kwargs)
            raise


def _check_direct_call(job: Job[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Reports a context that is missing in a direct call, which would seem to lack its last argument."""
    if isinstance(args[0], (Context, SyncContext)):
        return
    signature = inspect.signature(job.function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        made = "context" if isinstance(job, AsyncContextJob) else "sync_context"
        raise TypeError(
            f"{job.__name__}{signature}: {error}: in a direct call, pass the context as well, as its first argument:"
            f" monarq.testing.{made}()"
        ) from None
