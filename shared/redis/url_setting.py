"""The setting that a Redis URL comes from, for error messages."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from monarq.shared.errors import SettingsError
from monarq.shared.redis.addresses import parse_address
from monarq.shared.settings.project import find_project

DEFAULT_URL: Final = "redis://localhost:6379"


def setting_of(shown: str) -> str:
    """The setting that the URL of a server comes from, or would be set with, for error messages.

    Args:
        shown: the server's URL without secrets.

    Returns:
        The name of the setting; '' if the URL is of no setting, as the program or the command line gave it.
    """
    project = find_project()
    settings = {
        "MONARQ_REDIS": os.environ.get("MONARQ_REDIS", "").strip(),
        f"[tool.monarq] redis in {project.path}": str(project.get("", "redis") or ""),
        "REDIS_URL": os.environ.get("REDIS_URL", "").strip(),
    }
    for name, url in settings.items():
        with suppress(SettingsError):
            if url and parse_address(url).shown == shown:
                return name
    return "REDIS_URL" if shown == DEFAULT_URL and not any(settings.values()) else ""
