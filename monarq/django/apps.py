"""The application that goes into INSTALLED_APPS: it has the command `manage.py monarq_worker`."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from monarq.django.framework import CHECKS


class MonarqConfig(AppConfig):
    """Its label is "monarq"; it has no models."""

    name = "monarq.django"
    label = "monarq"
    verbose_name = "monarq"

    def ready(self) -> None:
        """Registers the system check of TASKS, which Django itself does only where the project imports its tasks."""
        import_module(CHECKS)
