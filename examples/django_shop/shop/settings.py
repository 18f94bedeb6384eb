"""The settings of the project: TASKS names monarq's backend."""

from __future__ import annotations

import os
import sys

DEBUG = True
SECRET_KEY = "of an example"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("SHOP_DB", "shop.sqlite3")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

INSTALLED_APPS = ["monarq.django", "orders"]
if sys.version_info < (3, 12):
    INSTALLED_APPS.append("django_tasks")  # Django's Tasks, for Django before 6

TASKS = {
    "default": {
        "BACKEND": "monarq.django.MonarqBackend",
        "QUEUES": ["default", "mail"],
        "OPTIONS": {
            "redis": os.environ.get("REDIS_URL", "redis://localhost:6379"),
            "job": {"timeout": "2m", "keep_result": "1h"},
        },
    }
}
