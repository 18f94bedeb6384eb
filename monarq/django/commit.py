"""Enqueues once the current transaction is committed: a worker then finds in the database what the job is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, overload

from django.db import transaction

from monarq.django.calls import check_call
from monarq.django.framework import Task, plain_json
from monarq.django.producers import producer
from monarq.producer.sync import check_arguments
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
        ArgumentsError: (a TypeError) the arguments do not fit the job or the task. It is raised at once, so that the
            transaction can be rolled back.
        TypeError: an argument of a task is not one that JSON can hold; or `job` is neither a job nor a task.
        SettingsError: something is wrong with the OPTIONS in TASKS["default"].
    """
    if isinstance(job, Job):
        check_arguments(producer(), job, args, kwargs)
        transaction.on_commit(_enqueue(lambda: producer().enqueue(job, *args, **kwargs)))
    elif isinstance(job, Task):
        check_call(job, args, kwargs)
        plain_json([args, kwargs])
        transaction.on_commit(_enqueue(lambda: job.enqueue(*args, **kwargs)))
    else:
        raise TypeError(f"{job!r} is neither a job nor a task: put @job or @task before the function")


def _enqueue(call: Callable[[], object]) -> Callable[[], None]:
    def enqueue() -> None:
        call()

    return enqueue
