"""The application that goes into INSTALLED_APPS: it has the command `manage.py monarq_worker`."""

from __future__ import annotations

from django.apps import AppConfig


class MonarqConfig(AppConfig):
    """Its label is "monarq"; it has no models."""

    name = "monarq.django"
    label = "monarq"
    verbose_name = "monarq"
