"""A Django project for tests, with a backend for each set of options that they need."""

from __future__ import annotations

import sys

SECRET_KEY = "of tests"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = ["monarq.django", "tests.frameworks.django_site.odd"]
if sys.version_info < (3, 12):
    INSTALLED_APPS.append("django_tasks")

BACKEND = "monarq.django.MonarqBackend"
TASKS = {
    "default": {"BACKEND": BACKEND, "QUEUES": ["default", "other"]},
    "cores": {"BACKEND": BACKEND, "QUEUES": ["cores"], "OPTIONS": {"lane": "cpu"}},
    "stubborn": {"BACKEND": BACKEND, "OPTIONS": {"job": {"retry": 2}}},
    "twice": {"BACKEND": BACKEND, "OPTIONS": {"job": {"retry": 1, "max_tries": 2}}},
    "hasty": {"BACKEND": BACKEND, "OPTIONS": {"job": {"timeout": 0.05, "retry": 1, "max_tries": 2}}},
}
