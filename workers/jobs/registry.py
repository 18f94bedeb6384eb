"""The registry: the jobs that a worker can run, by name, with everything that can be decided before they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast

from monarq.shared.calls.arguments import make_converter
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.job import Job, declared_options
from monarq.shared.lane import Lane, lane_queue_of
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.runs.import_path import import_path_of
from monarq.workers.runs.registered_job import FirstArgument, RegisteredJob


def register(functions: Iterable[object], settings: WorkerSettings) -> Mapping[str, RegisteredJob]:
    """The registry of a worker.

    Args:
        functions: declared jobs, and other objects that are `Registrable`.
        settings: the defaults for what the jobs leave open.

    Raises:
        DeclarationError: one of them is neither, or two have the same name, or the cpu lane's process cannot import
            one of its jobs.
    """
    registry: dict[str, RegisteredJob] = {}
    for function in functions:
        made = _register(function, settings)
        known = registry.get(made.name)
        # Of arq's functions the last one counts, as with arq.
        if known is not None and isinstance(function, Job) and known.function is not made.function:
            raise DeclarationError(f"two jobs are named {made.name!r}; give one of them another name")
        registry[made.name] = made
    return registry


class Registrable(Protocol):
    """An object that is no declared job of monarq's, but can be run like one."""

    def as_registered_job(self, settings: WorkerSettings) -> RegisteredJob:
        """How a worker of these settings runs it."""
        ...


def _register(function: object, settings: WorkerSettings) -> RegisteredJob:
    if isinstance(function, Job):
        return from_job(function, settings)
    if not hasattr(function, "as_registered_job"):
        raise DeclarationError(f"{function!r} is no job: put @job before it")
    return cast("Registrable", function).as_registered_job(settings)


def from_job(job: Job[Any, Any], settings: WorkerSettings, lane: Lane | None = None) -> RegisteredJob:
    """A declared job as a worker of these settings runs it.

    Args:
        job: the job.
        settings: the defaults for what it leaves open.
        lane: where it runs, instead of where it was declared for. It is claimed from the same set all the same.

    Raises:
        DeclarationError: the cpu lane's process cannot import it.
    """
    declared = declared_options(job)
    lane = lane or declared.lane
    return RegisteredJob(
        name=declared.name,
        function=job.worker_callable,
        lane=lane,
        lane_queue=lane_queue_of(declared.lane),
        first_argument=FirstArgument.CONTEXT if job.takes_context else FirstArgument.NOTHING,
        timeout_s=timeout_s_of(declared.timeout_s, settings),
        policy=declared.retry or settings.retry,
        keep_ms=keep_ms_of(declared.keep_result_s, declared.keep_result_forever, settings),
        memory_bytes=declared.memory_bytes or settings.cpu_memory_bytes,
        import_path=import_path_of(job) if lane is Lane.CPU else None,
        converter=make_converter(job.name, job.signature),
    )


def timeout_s_of(own_s: float | None, settings: WorkerSettings) -> float | None:
    """The time limit of a job in seconds, by its own declaration, else by the settings; None for no limit."""
    return (settings.timeout_s if own_s is None else own_s) or None


def keep_ms_of(own_s: float | None, own_forever: bool | None, settings: WorkerSettings) -> int:
    """How many ms a job's result is kept, by its own declaration, else by the settings: 0 for ever, -1 not at all."""
    if settings.keep_result_forever if own_forever is None else own_forever:
        return 0
    seconds = settings.keep_result_s if own_s is None else own_s
    return max(1, round(seconds * 1000)) if seconds > 0 else -1
