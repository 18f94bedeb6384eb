"""The same project with a mistake in its TASKS."""

from __future__ import annotations

from tests.frameworks.django_site.settings import *  # noqa: F403
from tests.frameworks.django_site.settings import BACKEND, TASKS

INSTALLED_APPS = ["monarq.django"]  # no application imports its tasks
TASKS = TASKS | {"mistaken": {"BACKEND": BACKEND, "OPTIONS": {"jobs": 3}}}
