"""The settings of ``[tool.monarq]`` in the nearest pyproject.toml, in the working directory or above it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from monarq.shared.errors import SettingsError
from monarq.shared.settings.setting import Setting
from monarq.shared.settings.table import SECTIONS, SETTINGS, find_setting
from monarq.shared.similar_names import suggestion

FILE: Final = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Project:
    """The settings of a pyproject.toml.

    Attributes:
        path: the file; None if there is none, or it has no ``[tool.monarq]``.
        values: its settings, checked, as they are in TOML.
    """

    path: Path | None = None
    values: Mapping[Setting, Any] = field(default_factory=dict)

    def get(self, section: str, name: str) -> Any:
        """The value of a setting as it is in TOML; None if it is not set."""
        return self.values.get(find_setting(section, name))

    def read(self, section: str, name: str) -> Any:
        """The value of a setting, converted; None if it is not set."""
        setting = find_setting(section, name)
        value = self.values.get(setting)
        return None if value is None else setting.read(value)


def find_project() -> Project:
    """The project of the working directory; the file is read once per directory.

    Raises:
        SettingsError: the file cannot be read, or a setting is unknown or has an invalid value.
    """
    try:
        directory = Path.cwd()
    except OSError:  # it was deleted
        return Project()
    return _project_at(directory)


@lru_cache(maxsize=64)
def _project_at(directory: Path) -> Project:
    for folder in (directory, *directory.parents):
        path = folder / FILE
        if os.path.isfile(path):  # noqa: PTH113 - a folder that may not be entered counts as one without the file
            return read_project(path)
    return Project()


def read_project(path: Path) -> Project:
    """The settings of a pyproject.toml.

    Raises:
        SettingsError: as `find_project`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    if b"monarq" not in content.replace(b"\0", b""):  # as it would be in UTF-16, which is refused below
        return Project()
    import tomllib

    try:
        tool = tomllib.loads(content.decode()).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    if not isinstance(tool, dict):
        raise SettingsError(f"{path}: [tool] is {tool!r}: it must be a table")
    table = tool.get("monarq")
    if table is None:
        return Project()
    return Project(path, dict(_values(table, "", path)))


def _values(table: Any, section: str, path: Path) -> list[tuple[Setting, Any]]:
    where = f"{path}: [tool.monarq{section and '.'}{section}]"
    if not isinstance(table, dict):
        raise SettingsError(f"{where} is {table!r}: it must be a table")
    found: list[tuple[Setting, Any]] = []
    for name, value in table.items():
        if not section and name in SECTIONS:
            found += _values(value, name, path)
            continue
        setting = _setting(section, name, where)
        if isinstance(value, dict):
            raise SettingsError(f"{where} {name} is a table: give {setting.kind.form}")
        try:
            setting.read(value)
        except SettingsError as error:
            raise SettingsError(f"{where} {error}") from None
        found.append((setting, value))
    return found


def _setting(section: str, name: str, where: str) -> Setting:
    for setting in SETTINGS:
        if (setting.section, setting.name) != (section, name):
            continue
        if setting.is_secret:
            raise SettingsError(f"{where} {name} is a secret: set the environment variable {setting.variable} instead")
        return setting
    raise SettingsError(f"{where} has no setting {name!r}{_advice(section, name)}")


def _advice(section: str, name: str) -> str:
    """A suggestion: a setting with the same name elsewhere, or with a similar name."""
    # The first of several settings with one name is the one for all.
    places = {setting.name: setting.place for setting in reversed(SETTINGS) if not setting.is_secret}
    own = [setting.name for setting in SETTINGS if setting.section == section and not setting.is_secret]
    return (
        suggestion(name, places, form=places.__getitem__, least=1)
        or suggestion(name, own if section else [*own, *SECTIONS])
        or suggestion(name, places, form=places.__getitem__, least=0.8)
        or "; docs/reference/configuration.md lists them"
    )
