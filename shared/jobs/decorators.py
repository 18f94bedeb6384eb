"""``@job``: the decorator that declares a function to be a job; mistakes raise right there, with file and line."""

from __future__ import annotations

import typing
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from monarq.shared.calls.callables import name_of
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.signature import read_signature
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.declaration_checks import (
    check_context,
    check_options,
    choose_lane,
    declaration_site,
    unwrap_declared,
)
from monarq.shared.jobs.declared_jobs import register_job
from monarq.shared.jobs.job import AsyncContextJob, AsyncJob, Job, SyncContextJob, SyncJob
from monarq.shared.jobs.options import JobOptions
from monarq.shared.jobs.retry_policy import DEFAULT_MAX_TRIES, RetryPolicy, exception_classes
from monarq.shared.lane import Lane
from monarq.shared.parsing import Duration, size_bytes, to_count, to_seconds
from monarq.shared.queue import Queue, checked_ref
from monarq.shared.validation import check_name

P = ParamSpec("P")
R = TypeVar("R")

# An overload for async functions overlaps with the one for any function, whose R may be a coroutine: the first one
# that fits counts, which is why the async ones come first.


class JobDecorator(typing.Protocol):
    """The decorator that ``@job(...)`` with options returns."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]]
    ) -> AsyncContextJob[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> AsyncJob[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[Concatenate[SyncContext, P], R]) -> SyncContextJob[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> SyncJob[P, R]: ...


@overload
def job(function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /) -> AsyncContextJob[P, R]: ...  # type: ignore[overload-overlap]
@overload
def job(function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncJob[P, R]: ...  # type: ignore[overload-overlap]
@overload
def job(function: Callable[Concatenate[SyncContext, P], R], /) -> SyncContextJob[P, R]: ...
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
    queue: str | Queue | None = None,
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
    queue: str | Queue | None = None,
) -> Any:
    """Declares a function to be a job; it stays a function that can be called.

    The parameter that is annotated with `Context`, or with `SyncContext` in a plain ``def``, gets the run's context, at
    whatever position, and an enqueue does not pass it. Type checkers understand that only of the first parameter.

    Args:
        function: ``async def``, or a plain wrapper of one, for the io lane, plain ``def`` for the cpu lane. A partial,
            an object with ``__call__``, a bound method or a staticmethod works as well.
        name: the name that it is enqueued by, at most 250 bytes. Default: its ``__qualname__``, or its class's.
        lane: "io", "cpu" or "thread"; a plain function that only waits belongs on "thread". Default: see `function`.
        timeout: the `Duration` that a run may take, such as "30s"; 0 for no limit. Default: the worker's, 5 minutes.
        max_tries: tries in all. Default: retries + 1, and 5 at least.
        retries: how many times it is tried again after an exception of retry_on. Default: 0.
        retry_on: the exceptions that `retries` is for. Default: Exception.
        backoff: seconds before the first retry, doubled for each further one, with full jitter. Default: 1.
        backoff_max: the longest wait in seconds. Default: 600.
        keep_result: seconds to keep the result for; 0 not at all. Default: the worker's, 3600.
        keep_result_forever: keep it without end.
        memory: cpu lane: resident size at which its process is killed, in bytes or as "256MB". Default: no limit.
        queue: the queue it is put into. Default: the producer's.

    Raises:
        DeclarationError: the declaration cannot work; the message names its file and line.
        SettingsError: an option has an invalid value.
    """
    policy = RetryPolicy(
        max_tries=_max_tries(max_tries, to_count(retries, "retries")),
        retries=retries,
        retry_on=exception_classes(retry_on),
        backoff_s=to_seconds(backoff, "backoff"),
        backoff_max_s=to_seconds(backoff_max, "backoff_max"),
    )
    check_name(name, "name")
    queue_ref = checked_ref(queue)

    def declare(decorated: Callable[..., Any]) -> Job[Any, Any]:
        written = unwrap_declared(decorated)
        where = declaration_site(written)
        options = JobOptions(
            name=name or name_of(written),
            lane=choose_lane(written, lane, where),
            timeout_s=to_seconds(timeout, "timeout"),
            retry=policy if retries or max_tries is not None else None,
            keep_result_s=to_seconds(keep_result, "keep_result"),
            keep_result_forever=keep_result_forever,
            memory_bytes=size_bytes(memory, "memory"),
            queue_ref=queue_ref,
            shards=queue.shards if isinstance(queue, Queue) else None,
        )
        return _make_job(written, options, where)

    return declare if function is None else declare(function)


def _max_tries(asked: int | None, retries: int) -> int:
    return max(DEFAULT_MAX_TRIES, retries + 1) if asked is None else to_count(asked, "max_tries", least=1)


def _make_job(function: Callable[..., Any], options: JobOptions, where: str) -> Job[Any, Any]:
    check_options(function, options, where)
    try:
        signature = read_signature(function)
    except DeclarationError as error:
        raise DeclarationError(f"{where}: {error}") from None
    check_context(signature, options, where)
    is_awaited = options.lane is Lane.IO
    with_context, without = (AsyncContextJob, AsyncJob) if is_awaited else (SyncContextJob, SyncJob)
    context_leads = signature.context is not None and signature.context.is_first
    kind: type[Job[Any, Any]] = with_context if context_leads else without
    made = kind(function, options, signature, is_awaited=is_awaited)
    register_job(made)
    return made
