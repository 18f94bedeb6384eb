"""The tasks that this process knows, by their module paths: the names of their jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.utils.module_loading import autodiscover_modules, import_string

from monarq.django.framework import Task

_DECLARED: Final[dict[str, Any]] = {}

MODULES: Final = ("tasks", "jobs")
"""The modules of applications that are looked into for tasks and jobs."""


def note_task(task: Any) -> None:
    """Notes a task: Django asks its backend about each one that is made."""
    _DECLARED.setdefault(task.module_path, task)


def is_task(name: str) -> bool:
    """Whether a job of this name is a task that this process knows."""
    return name in _DECLARED


def find_task(module_path: str) -> Any:
    """The task of this path.

    Raises:
        LookupError: there is none that this process knows, or that an installed application has.
    """
    known = _DECLARED.get(module_path)
    if known is not None:
        return known
    # What is not an application's is not imported: the path comes from Redis.
    if apps.get_containing_app_config(module_path) is not None:
        try:
            found = import_string(module_path)
        except ImportError:
            found = None
        if isinstance(found, Task):
            return found
    raise LookupError(f"there is no task {module_path}")


def discover_tasks() -> dict[str, Any]:
    """All tasks: those of our backends, and those of any backend in the modules `tasks` and `jobs` of applications."""
    autodiscover_modules(*MODULES)
    for value in own_values():
        if isinstance(value, Task):
            note_task(value)
    return dict(_DECLARED)


def own_values() -> Iterator[object]:
    """What the modules `tasks` and `jobs` of the applications hold, once they are imported."""
    for config in apps.get_app_configs():
        for name in MODULES:
            module = sys.modules.get(f"{config.name}.{name}")
            yield from list(vars(module).values()) if module else ()
