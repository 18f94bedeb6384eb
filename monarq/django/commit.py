"""Enqueues once the current transaction is committed: a worker then finds in the database what the job is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, overload

from django.db import transaction

from monarq.django.framework import Task
from monarq.django.producers import producer
from monarq.shared.jobs.job import Job

P = ParamSpec("P")


@overload
def enqueue_on_commit(job: Job[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> None: ...
@overload
def enqueue_on_commit(job: Any, /, *args: Any, **kwargs: Any) -> None: ...
def enqueue_on_commit(job: Any, /, *args: Any, **kwargs: Any) -> None:
    """Enqueues a job or a task once the transaction of the default database is committed; at once outside of one.

    If the transaction is rolled back, nothing is enqueued. If the process dies between the commit and the enqueue,
    nothing is either. For another database: ``transaction.on_commit(partial(producer().enqueue, job), using="other")``.

    Args:
        job: what ``@job`` made, perhaps with ``.options(...)``, which goes by the producer of TASKS["default"]; or one
            of Django's tasks.
        args: its positional arguments.
        kwargs: its keyword arguments.

    Raises:
        TypeError: the arguments do not fit the job; at once, so that the transaction can be rolled back.
    """
    if isinstance(job, Job):
        job.check_arguments(args, kwargs)
        transaction.on_commit(_enqueue(lambda: producer().enqueue(job, *args, **kwargs)))
    elif isinstance(job, Task):
        transaction.on_commit(_enqueue(lambda: job.enqueue(*args, **kwargs)))
    else:
        raise TypeError(f"{job!r} is neither a job nor a task: put @job or @task before the function")


def _enqueue(call: Callable[[], object]) -> Callable[[], None]:
    def enqueue() -> None:
        call()

    return enqueue
