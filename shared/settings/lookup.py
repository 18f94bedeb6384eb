"""A setting's value from the environment or pyproject.toml, for settings without a command line option."""

from __future__ import annotations

import os
from typing import Any

from monarq.shared.errors import SettingsError
from monarq.shared.settings.project import find_project
from monarq.shared.settings.table import find_setting


def configured(section: str, name: str) -> Any:
    """The value of a setting, converted, from the environment or else pyproject.toml; None if it is in neither.

    Raises:
        SettingsError: it is invalid; the message names the variable, or the file and section.
    """
    setting = find_setting(section, name)
    text = os.environ.get(setting.variable, "").strip()
    if not text:
        return None if setting.is_secret else find_project().read(section, name)
    try:
        return setting.read(text)
    except SettingsError as error:
        raise SettingsError(f"the environment variable {setting.variable}: {error}") from None


def chosen(section: str, name: str, given: Any = None) -> Any:
    """The value of a setting, converted: the one given, else the one from `configured`, else the built-in one.

    Raises:
        SettingsError: it is invalid.
    """
    setting = find_setting(section, name)
    if given is not None:
        return setting.read(given)
    found = configured(section, name)
    return setting.read(setting.built_in) if found is None else found
