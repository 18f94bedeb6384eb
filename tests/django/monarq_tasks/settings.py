"""The settings of Django's own tests, with monarq's backend."""

from __future__ import annotations

from test_sqlite import *  # type: ignore[import-not-found]  # noqa: F403

INSTALLED_APPS = ["monarq.django"]
TASKS = {"default": {"BACKEND": "monarq.django.MonarqBackend", "QUEUES": []}}
