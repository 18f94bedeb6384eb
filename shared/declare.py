"""``@job``: declares a function to be a job, and tells of mistakes there and then, with the place."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, overload

from monarq.shared.context import Context
from monarq.shared.declared import remember
from monarq.shared.errors import DeclarationError
from monarq.shared.job import AsyncContextJob, AsyncJob, Job, SyncContextJob, SyncJob
from monarq.shared.lane import Lane
from monarq.shared.naming import check_name
from monarq.shared.options import JobOptions
from monarq.shared.retry_policy import DEFAULT_MAX_TRIES, RetryPolicy
from monarq.shared.units import Duration, size_bytes, to_seconds

P = ParamSpec("P")
R = TypeVar("R")

# An overload for async functions overlaps with the one for any function, whose R may be a coroutine: the first
# that fits is meant, which is why the async ones stand first.

_declared_at: Final[dict[str, str]] = {}
"""Where the job of each name was declared, to tell of two jobs of one name."""


class JobDecorator(typing.Protocol):
    """What ``@job(...)`` with options gives."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]]
    ) -> AsyncContextJob[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> AsyncJob[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[Concatenate[Context, P], R]) -> SyncContextJob[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> SyncJob[P, R]: ...


@overload
def job(function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /) -> AsyncContextJob[P, R]: ...  # type: ignore[overload-overlap]
@overload
def job(function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncJob[P, R]: ...  # type: ignore[overload-overlap]
@overload
def job(function: Callable[Concatenate[Context, P], R], /) -> SyncContextJob[P, R]: ...
@overload
def job(function: Callable[P, R], /) -> SyncJob[P, R]: ...
@overload
def job(
    *,
    name: str | None = None,
    lane: str | Lane | None = None,
    timeout: Duration | None = None,
    max_tries: int | None = None,
    retries: int = 0,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    backoff: Duration = 1.0,
    backoff_max: Duration = 600.0,
    keep_result: Duration | None = None,
    keep_result_forever: bool | None = None,
    memory: int | str | None = None,
    queue: str | None = None,
) -> JobDecorator: ...
def job(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    lane: str | Lane | None = None,
    timeout: Duration | None = None,
    max_tries: int | None = None,
    retries: int = 0,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    backoff: Duration = 1.0,
    backoff_max: Duration = 600.0,
    keep_result: Duration | None = None,
    keep_result_forever: bool | None = None,
    memory: int | str | None = None,
    queue: str | None = None,
) -> Any:
    """Declares a function to be a job; it stays a function that can be called.

    Args:
        function: ``async def`` for the io lane, plain ``def`` for the cpu lane.
        name: what it is enqueued by. Default: the function's ``__qualname__``.
        lane: "io", "cpu" or "thread"; a plain function that only waits belongs on "thread". Default: see `function`.
        timeout: seconds that a run may take; 0 for no limit. Default: the worker's, 300.
        max_tries: tries in all. Default: retries + 1, and 5 at least.
        retries: how many times any exception of retry_on is answered with another try. Default: 0.
        retry_on: the exceptions that `retries` is for. Default: Exception.
        backoff: seconds before the first retry, doubled for each further one, with full jitter. Default: 1.
        backoff_max: the longest wait in seconds. Default: 600.
        keep_result: seconds to keep the result for; 0 not at all. Default: the worker's, 3600.
        keep_result_forever: keep it without end.
        memory: cpu lane: resident size at which its process is killed, in bytes or as "256MB". Default: no limit.
        queue: the queue it is put into. Default: the producer's.

    Raises:
        DeclarationError: it cannot work so; the message names the place.
        SettingsError: an option has a value that it cannot have.
    """
    policy = RetryPolicy(
        max_tries=max(DEFAULT_MAX_TRIES, retries + 1) if max_tries is None else max_tries,
        retries=retries,
        retry_on=retry_on if isinstance(retry_on, tuple) else (retry_on,),
        backoff_s=to_seconds(backoff, "backoff"),
        backoff_max_s=to_seconds(backoff_max, "backoff_max"),
    )

    check_name(queue, "queue")

    def declare(declared: Callable[..., Any]) -> Job[Any, Any]:
        options = JobOptions(
            name=name or str(getattr(declared, "__qualname__", repr(declared))),
            lane=_find_lane(declared, lane),
            timeout_s=to_seconds(timeout, "timeout"),
            retry=policy if retries or max_tries is not None else None,
            keep_result_s=to_seconds(keep_result, "keep_result"),
            keep_result_forever=keep_result_forever,
            memory_bytes=size_bytes(memory, "memory"),
            queue=queue,
        )
        return _make_job(declared, options)

    return declare if function is None else declare(function)


def _make_job(function: Callable[..., Any], options: JobOptions) -> Job[Any, Any]:
    where = _place(function)
    _check_options(function, options, where)
    takes_context = _takes_context(function)
    if inspect.iscoroutinefunction(function):
        kind: type[Job[Any, Any]] = AsyncContextJob if takes_context else AsyncJob
    else:
        kind = SyncContextJob if takes_context else SyncJob
    made = kind(function, options, takes_context=takes_context)
    _declared_at[options.name] = where
    remember(made)
    return made


def _find_lane(function: Callable[..., Any], asked: str | Lane | None) -> Lane:
    if not callable(function) or isinstance(function, type):
        raise DeclarationError(f"@job stands before {function!r}, which is no function")
    is_async = inspect.iscoroutinefunction(function)
    if asked is None:
        return Lane.IO if is_async else Lane.CPU
    try:
        lane = Lane(asked)
    except ValueError:
        lanes = ", ".join(f'"{lane}"' for lane in Lane)
        raise DeclarationError(f"{_place(function)}: there is no lane {asked!r}; there are {lanes}") from None
    if is_async != (lane is Lane.IO):
        fits = 'an "async def" function runs on the io lane' if is_async else "the io lane is for async def functions"
        raise DeclarationError(f"{_place(function)}: lane={asked!r} does not fit: {fits}")
    return lane


def _check_options(function: Callable[..., Any], options: JobOptions, where: str) -> None:
    if options.lane is Lane.CPU:
        _check_reachable(function, where)
    elif options.memory_bytes is not None:
        raise DeclarationError(f"{where}: memory= limits cpu jobs only; this one runs on the {options.lane} lane")
    if options.retry is not None and options.retry.max_tries < 1:
        raise DeclarationError(f"{where}: max_tries is {options.retry.max_tries}; it must be 1 or more")
    first = _declared_at.get(options.name)
    if first is not None and first != where:
        raise DeclarationError(
            f"{where}: a job named {options.name!r} is declared already at {first}; give one of them a name="
        )


def _check_reachable(function: Callable[..., Any], where: str) -> None:
    """A cpu job runs in another process, which must find the function by its module and name."""
    if getattr(function, "__name__", "") == "<lambda>":
        raise DeclarationError(f"{where}: a lambda cannot run on the cpu lane: write it as a def in a module")
    if "<locals>" in function.__qualname__:
        raise DeclarationError(
            f"{where}: {function.__qualname__} is defined inside a function, where the cpu lane's process cannot"
            " find it: move it to the top of its module"
        )


def _takes_context(function: Callable[..., Any]) -> bool:
    """Whether the first parameter is annotated with `Context`."""
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].annotation is inspect.Parameter.empty:
        return False
    annotation = parameters[0].annotation
    if not isinstance(annotation, str):
        return annotation is Context
    try:
        return typing.get_type_hints(function).get(parameters[0].name) is Context
    except (NameError, TypeError, AttributeError):
        # Other annotations may name what exists for type checkers only.
        return annotation.rsplit(".", 1)[-1] == "Context"


def _place(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return repr(function)
    # A file may be reached by more than one path, and its jobs are the same all the same.
    return f"{os.path.realpath(code.co_filename)}:{code.co_firstlineno}"
