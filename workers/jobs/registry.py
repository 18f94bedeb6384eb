"""The jobs that a worker can run, by name, each with everything decided that can be before it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from arq.cron import CronJob
from arq.worker import Function

from monarq.shared.calls.arguments import Converter, converter_of
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.job import Job
from monarq.shared.jobs.retry_policy import RetryPolicy
from monarq.shared.lane import Home, Lane, home_of
from monarq.shared.tracing import arq_is_instrumented
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.lanes.import_path import ImportPath, import_path_of


class Passes(Enum):
    """What a job's function gets before its own arguments."""

    NOTHING = auto()
    CONTEXT = auto()
    ARQ_CTX = auto()


@dataclass(frozen=True, slots=True)
class Registered:
    """A job as the worker runs it.

    Attributes:
        name: what it is enqueued by.
        function: what is called.
        lane: where.
        home: the set it waits in.
        passes: what the function gets first.
        timeout_s: seconds it may run; None for no limit.
        policy: when it is tried again.
        keep_ms: ms to keep its result: 0 for ever, -1 not at all.
        memory_bytes: the limit of its process on the cpu lane.
        import_path: where that process finds its function; None on the other lanes.
        converter: makes arguments again that travelled in msgpack, where its annotations ask for it.
        is_cron: whether it is one of arq's cron jobs, whose log lines leave the id out.
        is_traced: whether somebody else makes spans of its runs.
    """

    name: str
    function: Callable[..., Any]
    lane: Lane
    home: Home
    passes: Passes
    timeout_s: float | None
    policy: RetryPolicy
    keep_ms: int
    memory_bytes: int | None = None
    import_path: ImportPath | None = None
    converter: Converter | None = None
    is_cron: bool = False
    is_traced: bool = False


def register(functions: Iterable[object], settings: WorkerSettings) -> Mapping[str, Registered]:
    """The table of jobs of a worker.

    Args:
        functions: declared jobs, arq's `Function` and `CronJob`, and coroutine functions as arq takes them.
        settings: gives what the jobs leave open.

    Raises:
        DeclarationError: one of them is none of these, or two have one name, or one is for the cpu lane and out of
            its reach.
    """
    table: dict[str, Registered] = {}
    for function in functions:
        made = _from_job(function, settings) if isinstance(function, Job) else _from_arq(function, settings)
        known = table.get(made.name)
        # Of arq's functions the last one counts, as with arq, which says nothing of it: `read_arq_settings` does.
        if known is not None and isinstance(function, Job) and known.function is not made.function:
            raise DeclarationError(f"two jobs are named {made.name!r}; give one of them another name")
        table[made.name] = made
    return table


def lanes_of(jobs: Iterable[Registered]) -> Mapping[str, str]:
    """By name the lanes of those jobs that do not run on the event loop."""
    return {job.name: job.lane.value for job in jobs if job.lane is not Lane.IO}


def _from_job(job: Job[Any, Any], settings: WorkerSettings) -> Registered:
    declared = job.declared
    return Registered(
        name=declared.name,
        function=job.called,
        lane=declared.lane,
        home=home_of(declared.lane),
        passes=Passes.CONTEXT if job.takes_context else Passes.NOTHING,
        timeout_s=_limit(declared.timeout_s, settings),
        policy=declared.retry or settings.retry,
        keep_ms=_keep_ms(declared.keep_result_s, declared.keep_result_forever, settings),
        memory_bytes=declared.memory_bytes or settings.cpu_memory_bytes,
        import_path=import_path_of(job) if declared.lane is Lane.CPU else None,
        converter=converter_of(job.name, job.signature),
    )


def _from_arq(function: object, settings: WorkerSettings) -> Registered:
    """A job as arq declares them; its function always gets the ctx dict."""
    if isinstance(function, (Function, CronJob)):
        declared: Function | CronJob = function
    elif inspect.iscoroutinefunction(function):
        declared = Function(function.__qualname__, function, None, None, None, None)
    else:
        raise DeclarationError(
            f"{function!r} is no job: put @job before it, or make it an async def with ctx as its first parameter"
        )
    from monarq.arq.worker_side.sentry import told_to_sentry

    policy = settings.retry
    if declared.max_tries is not None:
        policy = RetryPolicy(declared.max_tries, policy.retries, policy.retry_on)
    return Registered(
        name=declared.name,
        function=told_to_sentry(declared.name, declared.coroutine),
        lane=Lane.IO,
        home="io",
        passes=Passes.ARQ_CTX,
        timeout_s=_limit(declared.timeout_s, settings),
        policy=policy,
        keep_ms=_keep_ms(declared.keep_result_s, declared.keep_result_forever, settings),
        is_cron=isinstance(declared, CronJob),
        is_traced=arq_is_instrumented(),
    )


def _limit(own_s: float | None, settings: WorkerSettings) -> float | None:
    return (settings.timeout_s if own_s is None else own_s) or None


def _keep_ms(own_s: float | None, own_forever: bool | None, settings: WorkerSettings) -> int:
    if settings.keep_result_forever if own_forever is None else own_forever:
        return 0
    seconds = settings.keep_result_s if own_s is None else own_s
    return max(1, round(seconds * 1000)) if seconds > 0 else -1
