"""Importing this module sets Django up, where that has not been done: workers and their cpu children do it first."""

from __future__ import annotations

import django
from django.apps import apps

if not apps.ready:
    django.setup()
