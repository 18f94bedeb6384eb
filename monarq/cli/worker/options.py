"""The options of `monarq worker` that are settings, built from the table of settings, and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from monarq.cli.command_line.arguments import parse_hang_timeout
from monarq.cli.command_line.options import queue_of
from monarq.cli.command_line.settings import is_from_project, setting_option
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT
from monarq.shared.settings.project import find_project
from monarq.shared.settings.table import SETTINGS, find_setting
from monarq.workers.config.named_settings import ATTRIBUTES, OF_ALL

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)

_OPTIONS: Final = (
    *(("worker", setting.name) for setting in SETTINGS if setting.section == "worker"),
    *(("", name) for name in sorted(OF_ALL)),
)
_APART: Final = {"target", "queues", "arq_queues"}
_MORE: Final[Mapping[str, dict[str, Any]]] = {
    "bind": {"metavar": "HOST"},
    "custom_log_dict": {"metavar": "PATH"},
    "hang_timeout": {"type": parse_hang_timeout},
    "health_port": {"metavar": "PORT"},
    "metrics_port": {"metavar": "PORT"},
    "reload": {"type": FOLDER, "metavar": "DIR"},
    "reload_also": {"metavar": "ENDING"},
}
_WITH_DEFAULT: Final = {"bind", "hang_timeout", "log_format", "max_abandoned_threads", "readyz_after"}
"""Settings of the pool itself, which needs their built-in values."""


def worker_options(function: FunctionT) -> FunctionT:
    """Adds the options of all settings except queues."""
    for section, name in reversed(_OPTIONS):
        if name in _APART:
            continue
        default = {"default": find_setting(section, name).built_in} if name in _WITH_DEFAULT else {}
        function = setting_option(section, name, **default, **_MORE.get(name, {}))(function)
    return function


def served_queues_options(function: FunctionT) -> FunctionT:
    """Adds the options that name the queues to serve, together as the parameter `queues`: each queue once.

    Queues from options and the environment replace those from pyproject.toml, whatever their formats.
    """

    @setting_option("worker", "queues", type=queue_of(DEFAULT_FORMAT), metavar="NAME")
    @setting_option("worker", "arq_queues", type=queue_of("arq", any_arq_name=True), metavar="NAME")
    @wraps(function)
    def served(*args: Any, queues: tuple[Any, ...], arq_queues: tuple[Any, ...], **options: Any) -> Any:
        context = click.get_current_context()
        parts = {"queues": queues, "arq_queues": arq_queues}
        given = {name: found for name, found in parts.items() if found and not is_from_project(context, name)}
        found = [queue for part in (given or parts).values() for queue in part]
        context.meta[_QUEUES_FROM_PROJECT] = not given
        return function(*args, queues=tuple(dict.fromkeys(found)), **options)

    return served  # type: ignore[return-value]


_QUEUES_FROM_PROJECT: Final = f"{__name__}.queues"


def split_settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of worker processes, from options and the environment, and from pyproject.toml.

    An App or a settings class overrides the latter but not the former.

    Args:
        given: the values of the options, by the names of the settings.

    Returns:
        The former by attribute of `WorkerSettings`, the latter by setting, as in TOML.
    """
    context, project = click.get_current_context(), find_project()
    overrides: dict[str, Any] = {}
    of_project: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or value == ():
            continue
        if name == "queues":
            (of_project if context.meta[_QUEUES_FROM_PROJECT] else overrides)[name] = list(value)
        elif is_from_project(context, name):
            of_project[name] = project.get("" if name in OF_ALL else "worker", name)
        else:
            overrides[ATTRIBUTES.get(name, name)] = value
    return overrides, of_project
