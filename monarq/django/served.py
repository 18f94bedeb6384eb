"""What a project's workers serve: the Redis and the queues of its backends in TASKS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monarq.django.backend import MonarqBackend
from monarq.django.framework import task_backends
from monarq.shared.errors import SettingsError

BACKEND_VARIABLE: Final = "MONARQ_DJANGO_BACKEND"
"""The environment variable by which `manage.py monarq_worker` tells its worker processes the alias of `--backend`."""


def served_backends(alias: str | None) -> list[MonarqBackend]:
    """The backends of TASKS that a worker serves: all that are monarq's, or the one with this alias.

    Raises:
        InvalidTaskBackend: TASKS has no such backend.
    """
    found = [task_backends[name] for name in ([alias] if alias else task_backends)]
    return [backend for backend in found if isinstance(backend, MonarqBackend)]


def redis_of(backends: Sequence[MonarqBackend]) -> str | None:
    """The URL of the Redis that these backends share; None for that of the environment.

    Raises:
        SettingsError: they name different ones.
    """
    urls = {backend.options.get("redis") for backend in backends}
    if len(urls) > 1:
        names = ", ".join(sorted(backend.alias for backend in backends))
        raise SettingsError(
            f"the backends {names} of TASKS name different Redis servers: run a worker for each, with manage.py"
            " monarq_worker --backend ALIAS"
        )
    return next(iter(urls), None)


def queues_of(backends: Sequence[MonarqBackend]) -> list[str]:
    """The names of the queues of these backends."""
    return sorted({queue for backend in backends for queue in backend.queues} or {"default"})
