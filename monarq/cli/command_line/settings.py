"""Options built from the table of settings, and their values from pyproject.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from monarq.cli.command_line.arguments import parse_duration, parse_kept, parse_size, parse_workers
from monarq.shared.settings import kinds
from monarq.shared.settings.project import find_project
from monarq.shared.settings.setting import Setting
from monarq.shared.settings.table import SECTIONS, SETTINGS, find_setting

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_TYPES: Final[dict[kinds.Kind, dict[str, Any]]] = {
    kinds.DURATION: {"type": parse_duration, "metavar": "DURATION"},
    kinds.KEPT: {"type": parse_kept, "metavar": "DURATION|forever"},
    kinds.SIZE: {"type": parse_size, "metavar": "SIZE"},
    kinds.WORKERS: {"type": parse_workers, "metavar": "N|auto"},
    kinds.RETRY: {"type": click.IntRange(0), "metavar": "N"},
    kinds.TEXTS: {"multiple": True},
    kinds.TEXT: {},
}


def setting_option(section: str, name: str, **more: Any) -> Callable[[FunctionT], FunctionT]:
    """The option of a setting; its parameter has the setting's name and is None if the option is not given.

    Args:
        section: the setting's section.
        name: its name.
        more: arguments of `click.option`, which override those derived from the setting.
    """
    setting = find_setting(section, name)
    return click.option(*setting.option.split(", "), name, **{**_described(setting), **_typed(setting), **more})


def _described(setting: Setting) -> dict[str, Any]:
    default = f"the target's, else {setting.built_in}" if setting.in_defaults else setting.built_in
    shown = "" if setting.kind is kinds.FLAG or setting.built_in == "none" else f" Default: {default}."
    return {"help": setting.meaning + shown, "envvar": setting.variable}


def _typed(setting: Setting) -> dict[str, Any]:
    kind = setting.kind
    if kind in _TYPES:
        return _TYPES[kind]
    if kind is kinds.FLAG:
        return {"default": None} if "/" in setting.option else {"is_flag": True, "default": None}
    if kind.words:
        return {"type": click.Choice(kind.words)}
    return {"type": click.IntRange(kind.least, kind.most), "metavar": "N"}


def default_map() -> dict[str, Any]:
    """The values that pyproject.toml gives to the options of each command, for click's ``default_map``.

    Raises:
        SettingsError: pyproject.toml has an unknown setting, or an invalid value.
    """
    project = find_project()
    found: dict[str, Any] = {section: {} for section in SECTIONS if section}
    for setting in SETTINGS:
        value = project.values.get(setting)
        if value is None or setting.name == "redis":  # an App may name the Redis, and a command finds it by itself
            continue
        found[setting.section or "worker"].setdefault(
            setting.name, _as_text(setting.read(value) if setting.kind is kinds.TEXTS else value)
        )
    # doctor examines the target that a worker would run.
    found["doctor"] = {name: value for name, value in found["worker"].items() if name == "target"}
    return found


def _as_text(value: Any) -> Any:
    """A value as text, as it would be on a command line."""
    if isinstance(value, bool):
        return value
    return [str(item) for item in value] if isinstance(value, list) else str(value)


def is_from_project(context: click.Context, name: str) -> bool:
    """Whether the value of a parameter comes from pyproject.toml."""
    return context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
