"""The same project with all plain tasks in threads."""

from __future__ import annotations

from tests.frameworks.django_site.settings import *  # noqa: F403
from tests.frameworks.django_site.settings import BACKEND, TASKS

TASKS = TASKS | {"cores": {"BACKEND": BACKEND, "QUEUES": ["cores"]}}
