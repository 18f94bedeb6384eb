"""Environment variables that look like those of settings and options, but belong to none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

import click

from monarq.shared.settings.table import SETTINGS
from monarq.shared.similar_names import suggestion
from monarq.shared.text.printable import printable

_PREFIX: Final = "MONARQ"

_OF_SERVICES: Final = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP|SCTP)(_|$))")
"""Variables that Kubernetes and Docker set for a service whose name is that of a command, such as monarq-web."""


def unknown_variables() -> dict[str, str]:
    """The variables of this process that have the prefix of a command but belong to no option or setting.

    Returns:
        What to do about each, by name: usually the closest valid name.
    """
    root = click.get_current_context().find_root().command
    prefixes = {f"{_PREFIX}_{name.upper()}_" for name in getattr(root, "commands", {})}
    known = {*_variables(root, _PREFIX), *(setting.variable for setting in SETTINGS)}
    found = {name for name in os.environ if name.startswith(tuple(prefixes)) and name not in known}
    return {printable(name): _advice(name, known) for name in sorted(found) if not _OF_SERVICES.search(name)}


def _variables(command: click.Command, prefix: str) -> Iterator[str]:
    """The variables of a command and of its subcommands, as click names them."""
    for parameter in command.params:
        given = parameter.envvar or ()
        yield from [given] if isinstance(given, str) else given
        if isinstance(parameter, click.Option) and parameter.name:
            yield f"{prefix}_{parameter.name.upper()}"
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _variables(inner, f"{prefix}_{name.upper().replace('-', '_')}")


def _advice(name: str, known: set[str]) -> str:
    near = suggestion(name, known, form=str, least=0.8, before="")
    return near or "docs/reference/configuration.md lists them"
