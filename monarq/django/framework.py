"""Django's Tasks, from Django 6 or from the package django-tasks: the same names, wherever they are."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

_IS_DJANGOS: Final = find_spec("django.tasks") is not None

CHECKS: Final = "django.tasks.checks" if _IS_DJANGOS else "django_tasks.checks"
"""The module that registers the system check of TASKS when it is imported."""

LOGGER: Final = "django.tasks" if _IS_DJANGOS else "django_tasks"
"""The logger of the lines that Django writes about tasks."""

if TYPE_CHECKING:
    task: Any
    task_backends: Any
    BaseTaskBackend: Any
    Task: Any
    TaskContext: Any
    TaskError: Any
    TaskResult: Any
    TaskResultStatus: Any
    TaskResultDoesNotExist: Any
    task_enqueued: Any
    task_started: Any
    task_finished: Any
    log_task_finished: Any
    normalize_json: Any
elif _IS_DJANGOS:
    from django.tasks import TaskContext, TaskResult, TaskResultStatus, task, task_backends
    from django.tasks.backends.base import BaseTaskBackend
    from django.tasks.base import Task, TaskError
    from django.tasks.exceptions import TaskResultDoesNotExist
    from django.tasks.signals import log_task_finished, task_enqueued, task_finished, task_started
    from django.utils.json import normalize_json
elif find_spec("django_tasks") is None:
    raise ModuleNotFoundError(
        "monarq.django needs Django 6 or newer, or the package django-tasks: pip install django-tasks",
        name="django_tasks",
    )
else:
    from django_tasks import TaskContext, TaskResult, TaskResultStatus, task, task_backends
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import Task, TaskError
    from django_tasks.exceptions import TaskResultDoesNotExist
    from django_tasks.signals import log_task_finished, task_enqueued, task_finished, task_started
    from django_tasks.utils import normalize_json

__all__ = [
    "CHECKS",
    "LOGGER",
    "BaseTaskBackend",
    "Task",
    "TaskContext",
    "TaskError",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultStatus",
    "log_task_finished",
    "plain_json",
    "task",
    "task_backends",
    "task_enqueued",
    "task_finished",
    "task_started",
]


def plain_json(value: Any) -> Any:
    """What Django makes of a value for JSON, in JSON's own types: a member of TextChoices becomes the str it is."""
    return json.loads(json.dumps(normalize_json(value)))
