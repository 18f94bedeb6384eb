"""The registry: the jobs that a worker can run, by name, with everything that can be decided before they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast

from monarq.shared.calls.job_types import JobTypes
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.job import Job, declared_options, types_of
from monarq.shared.lane import Lane, lane_queue_of
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.runs.import_path import import_path_of
from monarq.workers.runs.registered_job import FirstArgument, RegisteredJob, with_options
from monarq.workers.runs.resources import plan_of, with_resources
from monarq.workers.runs.retry_policy import RetryPolicy


def register(functions: Iterable[object], settings: WorkerSettings) -> Mapping[str, RegisteredJob]:
    """The registry of a worker.

    Args:
        functions: declared jobs, and other objects that are `Registrable`.
        settings: the defaults for what the jobs leave open.

    Raises:
        DeclarationError: one of them is neither, or two have the same current or former name, or the cpu lane's process
            cannot import one of its jobs.
    """
    functions = list(functions)
    registry: dict[str, RegisteredJob] = {}
    for function in functions:
        made = _register(function, settings)
        known = registry.get(made.name)
        # Of arq's functions with the same name, the last one wins, as in arq.
        if known is not None and isinstance(function, Job) and known.function is not made.function:
            raise DeclarationError(f"two jobs are named {made.name!r}: rename one of them")
        registry[made.name] = made
    for function in functions:
        if isinstance(function, Job):
            _add_old_names(registry, function)
    return registry


def _add_old_names(registry: dict[str, RegisteredJob], job: Job[Any, Any]) -> None:
    """Lets a job be found by its former names."""
    made = registry[job.name]
    for name in declared_options(job).renamed_from:
        known = registry.setdefault(name, made)
        if known is not made:
            raise DeclarationError(
                f"job {made.name!r} is renamed_from {name!r}, which is also a current or former name of job"
                f" {known.name!r}: only one of them can run the jobs that wait under that name"
            )


class Registrable(Protocol):
    """An object that is not a declared monarq job, but can be run like one."""

    def as_registered_job(self, settings: WorkerSettings) -> RegisteredJob:
        """The job as a worker with these settings runs it."""
        ...


def _register(function: object, settings: WorkerSettings) -> RegisteredJob:
    if isinstance(function, Job):
        return from_job(function, settings)
    if not hasattr(function, "as_registered_job"):
        raise DeclarationError(f"{function!r} is not a job: put @job before it")
    return cast("Registrable", function).as_registered_job(settings)


def from_job(job: Job[Any, Any], settings: WorkerSettings, lane: Lane | None = None) -> RegisteredJob:
    """A declared job as a worker with these settings runs it.

    Args:
        job: the job.
        settings: the defaults for what it leaves open.
        lane: where it runs, instead of its declared lane. It is still claimed from the same set.

    Raises:
        DeclarationError: the cpu lane's process cannot import it, or cannot create one of its resources.
    """
    declared = declared_options(job)
    lane = lane or declared.lane
    plan = plan_of(job, lane)
    function = job.worker_callable
    if plan is not None and lane is not Lane.CPU:  # the cpu child does this itself
        function = with_resources(function, plan, is_async=lane is Lane.IO, leads=job.takes_context)
    made = RegisteredJob(
        name=declared.name,
        function=function,
        lane=lane,
        lane_queue=lane_queue_of(declared.lane),
        first_argument=FirstArgument.CONTEXT if job.takes_context else FirstArgument.NOTHING,
        timeout_s=None,
        policy=RetryPolicy(retry_on=declared.retry_on, give_up_on=declared.give_up_on),
        keep_ms=0,
        own=declared.run,
        memory_bytes=declared.memory_bytes or settings.cpu_memory_bytes,
        import_path=import_path_of(job) if lane is Lane.CPU else None,
        types=_checked(types_of(job)),
        resources=plan,
    )
    return with_options(made, declared.run.over(settings.run_options))


def _checked(types: JobTypes) -> JobTypes:
    """The same types, with all annotated classes loaded, after a check that their instances can be rebuilt."""
    types.load_types()
    _ = types.arguments, types.result
    return types
