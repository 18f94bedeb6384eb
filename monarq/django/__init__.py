"""Django: a backend of Django's Tasks, `manage.py monarq_worker`, and enqueues once a transaction is committed.

    INSTALLED_APPS = [..., "monarq.django"]
    TASKS = {"default": {"BACKEND": "monarq.django.MonarqBackend", "OPTIONS": {"redis": "redis://localhost:6379"}}}

Before Django 6, the package django-tasks has Django's Tasks. Names are loaded when they are first used, as Django
imports this module before its applications are ready.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from monarq.shared.extras import missing_package

if TYPE_CHECKING:
    from monarq.django.backend import MonarqBackend as MonarqBackend
    from monarq.django.commit import enqueue_on_commit as enqueue_on_commit
    from monarq.django.producers import producer as producer

_MODULES = {
    "MonarqBackend": "monarq.django.backend",
    "enqueue_on_commit": "monarq.django.commit",
    "producer": "monarq.django.producers",
}

__all__ = ["MonarqBackend", "enqueue_on_commit", "producer"]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'monarq.django' has no attribute {name!r}")
    if missing := missing_package("django", "monarq.django"):
        raise missing
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
