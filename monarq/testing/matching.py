"""Matching of enqueued jobs in assertions, and the messages of failed assertions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monarq.shared.jobs.job import BoundJob, Job, enqueue_options
from monarq.shared.queue import Queue, checked_ref
from monarq.testing.records import Ended, EnqueuedJob, call_of
from monarq.testing.tasks import task_call

_MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """The job that an assertion is about.

    Attributes:
        name: the job's name.
        accepts: the parameters of the job; None if only its name is known.
        args: its positional arguments.
        kwargs: its keyword arguments. If there are no arguments at all, any arguments match.
        queue: the queue's name; None for any.
        job_id: its id; None for any.
    """

    name: str
    accepts: inspect.Signature | None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    queue: str | None = None
    job_id: str | None = None

    def meets(self, found: EnqueuedJob) -> bool:
        """Whether this enqueued job matches."""
        return (
            found.job_name == self.name
            and self.queue in (None, found.queue)
            and self.job_id in (None, found.job_id)
            and (not self.has_arguments or self._same_call(found))
        )

    @property
    def has_arguments(self) -> bool:
        """Whether the arguments matter."""
        return bool(self.args or self.kwargs)

    def _same_call(self, found: EnqueuedJob) -> bool:
        kwargs = dict(self.kwargs or {})
        return _bound(self.accepts, self.args, kwargs) == _bound(self.accepts, found.args, dict(found.kwargs))

    def sentence(self, verb: str) -> str:
        """A sentence about it."""
        call = call_of(self.name, self.args, self.kwargs or {}) if self.has_arguments else self.name
        queue = "" if self.queue is None else f" on queue {self.queue!r}"
        named = "" if self.job_id is None else f" with the id {self.job_id!r}"
        return f"{call} {verb}{queue}{named}"


def wanted_of(job: object, args: tuple[Any, ...], kwargs: dict[str, Any], queue: str | Queue | None) -> Wanted:
    """The job that an assertion with these arguments is about.

    Args:
        job: the job, optionally with ``.options(...)`` or bound to its arguments, or its name; or a task of Django.
        args: the positional arguments of the job.
        kwargs: its keyword arguments.
        queue: the queue. If the job itself has a parameter with this name, it is an argument.

    Raises:
        TypeError: it is not a job, or cannot be called with these arguments.
    """
    if isinstance(job, str):
        ref = checked_ref(queue)
        return Wanted(job, None, args, kwargs, ref.name if ref else None)
    if isinstance(job, BoundJob):
        if args or kwargs:
            raise TypeError(f"{job!r} already has its arguments: do not pass others")
        args, kwargs, job = job.args, dict(job.kwargs), job.job
    if not isinstance(job, Job):
        task = task_call(job, args, kwargs)
        if task is None:
            raise TypeError(f"{job!r} is not a job: give a function decorated with @job, or a job's name")
        ref = checked_ref(queue)
        return Wanted(task.name, task.accepts, task.args, task.kwargs, ref.name if ref else task.queue)
    if queue is not None and "queue" in job.signature.accepts.parameters:
        kwargs, queue = kwargs | {"queue": queue}, None
    if args or kwargs:
        job.check_arguments(args, kwargs)
    options = enqueue_options(job)
    ref = checked_ref(queue) or options.queue_ref
    return Wanted(job.name, job.signature.accepts, args, kwargs, ref.name if ref else None, options.job_id)


def missing_text(wanted: Wanted, enqueued: Sequence[EnqueuedJob], ended: Sequence[Ended]) -> str:
    """The message if no matching job is enqueued."""
    lines = [wanted.sentence("is not enqueued"), *_listed("enqueued", wanted.name, enqueued)]
    if any(job.job_name == wanted.name for job in ended):
        lines += _listed("run already", wanted.name, ended)
    return "\n".join(lines)


def present_text(wanted: Wanted, found: Sequence[EnqueuedJob]) -> str:
    """The message if a matching job is enqueued that should not be."""
    return "\n".join([wanted.sentence("is enqueued"), *_listed("found", wanted.name, found)])


def _listed(title: str, name: str, jobs: Sequence[EnqueuedJob | Ended]) -> list[str]:
    """The jobs as lines, those with the name of the wanted job first."""
    if not jobs:
        return [f"{title}: nothing"]
    in_order = sorted(jobs, key=lambda job: job.job_name != name)
    more = len(jobs) - _MOST_SHOWN
    lines = [f"{title}:", *(f"  {job}" for job in in_order[:_MOST_SHOWN])]
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _bound(accepts: inspect.Signature | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    """A call's arguments by parameter, so that different ways of writing the same call are equal."""
    if accepts is None:
        return args, kwargs
    try:
        bound = accepts.bind(*args, **kwargs)
    except TypeError:  # it was enqueued by name, by a program that has another signature
        return args, kwargs
    bound.apply_defaults()
    return dict(bound.arguments)
