"""Django's tasks in sandboxes, for projects whose TASKS name monarq's backend.

Django is imported only where the project has done so.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from inspect import Signature
from typing import Any, Final, NamedTuple

from monarq.shared.jobs.cron_declaration import Cron
from monarq.shared.jobs.job import Job
from monarq.workers.events.listener import Listener

_WORKER: Final = "monarq.django.worker"


class TaskCall(NamedTuple):
    """A call of a task, as its job is enqueued.

    Attributes:
        name: the job's name.
        accepts: the parameters of the task's function, without its context.
        args: the positional arguments, in JSON's types as far as they can be.
        kwargs: the keyword arguments, as well.
        queue: the queue that ``using(queue_name=...)`` has chosen; None for the task's own.
    """

    name: str
    accepts: Signature
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    queue: str | None


def project_app() -> str | None:
    """The application that has the project's tasks; None where no backend of TASKS is monarq's, or it has none."""
    if _WORKER in sys.modules:
        return _WORKER
    if "monarq.django.apps" not in sys.modules:
        return None  # not in INSTALLED_APPS
    from monarq.django.backend import MonarqBackend
    from monarq.django.declared import discover_tasks, own_values
    from monarq.django.framework import task_backends

    if not any(isinstance(backend, MonarqBackend) for backend in task_backends.all()):
        return None
    has_jobs = any(isinstance(value, (Job, Cron, Listener)) for value in own_values())
    return _WORKER if discover_tasks() or has_jobs else None


def task_call(task: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TaskCall | None:
    """A call of one of Django's tasks; None for what is no task.

    Raises:
        ArgumentsError: there are arguments, but the task cannot be called with these.
    """
    if "monarq.django.framework" not in sys.modules:
        return None
    from monarq.django.calls import call_signature, check_call
    from monarq.django.declared import find_task
    from monarq.django.framework import Task

    if not isinstance(task, Task):
        return None
    if args or kwargs:
        check_call(task, args, kwargs)
    declared = find_task(task.module_path)
    queue = None if task.queue_name == declared.queue_name else task.queue_name
    sent = tuple(map(_as_sent, args)), {name: _as_sent(value) for name, value in kwargs.items()}
    return TaskCall(task.module_path, call_signature(task), *sent, queue)


def task_value(value: object) -> object:
    """What a task returned, of what its job returned; other values as they are."""
    if "monarq.django.results" in sys.modules:
        from monarq.django.results import Returned

        if isinstance(value, Returned):
            return value.value
    return value


def _as_sent(value: object) -> Any:
    from monarq.django.framework import plain_json

    with suppress(TypeError):  # such as unittest.mock.ANY
        return plain_json(value)
    return value
