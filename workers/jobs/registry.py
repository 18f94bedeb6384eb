"""The jobs that a worker can run, by name, each with everything decided that can be before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast

from monarq.shared.calls.arguments import make_converter
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.job import Job
from monarq.shared.lane import Lane, lane_queue_of
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.runs.import_path import import_path_of
from monarq.workers.runs.registered import FirstArgument, RegisteredJob


def register(functions: Iterable[object], settings: WorkerSettings) -> Mapping[str, RegisteredJob]:
    """The table of jobs of a worker.

    Args:
        functions: declared jobs, and what else says by a method `registered` how it is run.
        settings: gives what the jobs leave open.

    Raises:
        DeclarationError: one of them is neither, or two have one name, or one is for the cpu lane and out of
            its reach.
    """
    table: dict[str, RegisteredJob] = {}
    for function in functions:
        made = _registered(function, settings)
        known = table.get(made.name)
        # Of arq's functions the last one counts, as with arq.
        if known is not None and isinstance(function, Job) and known.function is not made.function:
            raise DeclarationError(f"two jobs are named {made.name!r}; give one of them another name")
        table[made.name] = made
    return table


class Registrable(Protocol):
    """What is no declared job of monarq's, and can be run like one."""

    def registered(self, settings: WorkerSettings) -> RegisteredJob:
        """How a worker of these settings runs it."""
        ...


def _registered(function: object, settings: WorkerSettings) -> RegisteredJob:
    if isinstance(function, Job):
        return _from_job(function, settings)
    if not hasattr(function, "registered"):
        raise DeclarationError(f"{function!r} is no job: put @job before it")
    return cast("Registrable", function).registered(settings)


def _from_job(job: Job[Any, Any], settings: WorkerSettings) -> RegisteredJob:
    declared = job.declared
    return RegisteredJob(
        name=declared.name,
        function=job.worker_callable,
        lane=declared.lane,
        lane_queue=lane_queue_of(declared.lane),
        passes=FirstArgument.CONTEXT if job.takes_context else FirstArgument.NOTHING,
        timeout_s=limit_s(declared.timeout_s, settings),
        policy=declared.retry or settings.retry,
        keep_ms=keep_ms(declared.keep_result_s, declared.keep_result_forever, settings),
        memory_bytes=declared.memory_bytes or settings.cpu_memory_bytes,
        import_path=import_path_of(job) if declared.lane is Lane.CPU else None,
        converter=make_converter(job.name, job.signature),
    )


def limit_s(own_s: float | None, settings: WorkerSettings) -> float | None:
    """The time limit of a job in seconds, by its own declaration, else by the settings; None for no limit."""
    return (settings.timeout_s if own_s is None else own_s) or None


def keep_ms(own_s: float | None, own_forever: bool | None, settings: WorkerSettings) -> int:
    """How long a job's result is kept in ms, by its declaration, else by the settings: 0 for ever, -1 not at all."""
    if settings.keep_result_forever if own_forever is None else own_forever:
        return 0
    seconds = settings.keep_result_s if own_s is None else own_s
    return max(1, round(seconds * 1000)) if seconds > 0 else -1
