"""The same project with a LOGGING that shows nothing of what Django says of tasks."""

from __future__ import annotations

from monarq.django.framework import LOGGER
from tests.frameworks.django_site.settings import *  # noqa: F403

LOGGING = {"version": 1, "disable_existing_loggers": False, "loggers": {LOGGER: {"level": "CRITICAL"}}}
