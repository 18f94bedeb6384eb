"""``@job``: the decorator that declares a function as a job. Mistakes raise at once, with file and line."""

from __future__ import annotations

import typing
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from monarq.shared.calls.callables import name_of
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.signature import read_signature
from monarq.shared.errors import DeclarationError, SettingsError
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
from monarq.shared.lane import Lane
from monarq.shared.options.retry import RetryOption, exception_classes
from monarq.shared.options.run_options import NO_OPTIONS, RunOptions
from monarq.shared.options.unknown_names import with_advice
from monarq.shared.parsing import Duration, size_bytes
from monarq.shared.queue import Queue, checked_ref
from monarq.shared.validation import check_name

P = ParamSpec("P")
R = TypeVar("R")

# The overloads for async functions overlap with the one for any function, whose R may be a coroutine. The first match
# wins, so the async ones come first.


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


class JobDeclarer(typing.Protocol):
    """A decorator that is used with or without options: `job` is one, `App.job` another."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> AsyncContextJob[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncJob[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[Concatenate[SyncContext, P], R], /) -> SyncContextJob[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncJob[P, R]: ...
    @overload
    def __call__(
        self,
        *,
        name: str | None = None,
        lane: str | Lane | None = None,
        timeout: Duration | None = None,
        retry: RetryOption | None = None,
        retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
        give_up_on: type[BaseException] | tuple[type[BaseException], ...] = (),
        max_tries: int | None = None,
        keep_result: Duration | None = None,
        memory: int | str | None = None,
        queue: str | Queue | None = None,
        renamed_from: str | tuple[str, ...] = (),
    ) -> JobDecorator: ...


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
    retry: RetryOption | None = None,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    give_up_on: type[BaseException] | tuple[type[BaseException], ...] = (),
    max_tries: int | None = None,
    keep_result: Duration | None = None,
    memory: int | str | None = None,
    queue: str | Queue | None = None,
    renamed_from: str | tuple[str, ...] = (),
) -> JobDecorator: ...
@with_advice
def job(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    lane: str | Lane | None = None,
    timeout: Duration | None = None,
    retry: RetryOption | None = None,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    give_up_on: type[BaseException] | tuple[type[BaseException], ...] = (),
    max_tries: int | None = None,
    keep_result: Duration | None = None,
    memory: int | str | None = None,
    queue: str | Queue | None = None,
    renamed_from: str | tuple[str, ...] = (),
) -> Any:
    """Declares a function as a job. It can still be called as a function.

    A parameter annotated with `Context`, or with `SyncContext` in a plain ``def``, gets the run's context; it is not
    passed when the job is enqueued. It may be at any position, but type checkers understand it only as the first
    parameter.

    Args:
        function: an ``async def``, or a plain wrapper of one, runs on the io lane; a plain ``def`` runs on the cpu lane
            unless `lane` says otherwise. A partial, an object with ``__call__``, a bound method or a staticmethod also
            works.
        name: the name that it is enqueued by, at most 250 bytes. Default: its ``__qualname__``, or that of its class.
        lane: "io", "cpu" or "thread". Use "thread" for a plain function that mostly waits. Default: see `function`.
        timeout: the `Duration` that a run may take, such as "30s"; 0 for no limit. Default: the worker's, 5 minutes.
        retry: how it is retried after an exception: a number of retries with the default backoff of `Exponential`; an
            `Exponential`, `Linear`, `Fixed` or `Delays`; or a function that takes the exception and the number of the
            try, from 1, and returns how long to wait, or None to give up. Default: the worker's, no retry.
        retry_on: the exceptions that are retried. Default: Exception.
        give_up_on: exceptions that are not retried, although `retry_on` includes them. Default: none.
        max_tries: the maximum number of tries, including those requested by raising `Retry`. Default: the worker's: 5,
            or the number of retries plus one if that is more.
        keep_result: the `Duration` to keep the result; 0 for not at all, "forever" for no limit. Default: the worker's,
            1 hour.
        memory: cpu lane only: the resident size at which its process is killed, in bytes or as "256MB". Default: no
            limit.
        queue: the queue that it is put into. Default: the producer's.
        renamed_from: its former names; jobs that were enqueued under one of them are still run.

    Raises:
        DeclarationError: the declaration cannot work; the message names its file and line.
        SettingsError: an option has an invalid value.
        TypeError: there is no such option; the message suggests a similar one.
    """
    run = RunOptions.read(timeout=timeout, retry=retry, max_tries=max_tries, keep_result=keep_result)
    retried, given_up = exception_classes(retry_on, "retry_on"), exception_classes(give_up_on, "give_up_on")
    check_name(name, "name")
    old_names = _names(renamed_from)
    queue_ref = checked_ref(queue)

    def declare(decorated: Callable[..., Any]) -> Job[Any, Any]:
        written = unwrap_declared(decorated)
        where = declaration_site(written)
        options = JobOptions(
            name=name or name_of(written),
            lane=choose_lane(written, lane, where),
            run=run,
            retry_on=retried,
            give_up_on=given_up,
            memory_bytes=size_bytes(memory, "memory"),
            queue_ref=queue_ref,
            shards=queue.shards if isinstance(queue, Queue) else None,
            queue_options=queue.options if isinstance(queue, Queue) else NO_OPTIONS,
            renamed_from=old_names,
        )
        return _make_job(written, options, where)

    return declare if function is None else declare(function)


def _names(renamed_from: object) -> tuple[str, ...]:
    names = (renamed_from,) if isinstance(renamed_from, str) else renamed_from
    if not isinstance(names, (tuple, list)):
        raise SettingsError(f"renamed_from is {renamed_from!r}: give a name or a list of names")
    for name in names:
        if name is None:
            raise SettingsError("renamed_from holds None: give names")
        check_name(name, "renamed_from")
    return tuple(names)


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
