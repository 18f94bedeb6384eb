"""`python -m docs.tools.commands`: writes docs/reference/commands.md, every command and option as click has them.

`--check` writes nothing, and exits with 1 where the page is out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from docs.tools.generated_page import write_or_check
from monarq.cli.app import app

PAGE: Final = Path(__file__).parents[1] / "reference" / "commands.md"
INTRODUCTION: Final = """# Commands

Every command and option, as `--help` shows them. Each option can also be set by an environment variable; the option
overrides the variable.

This page is written by `python -m docs.tools.commands`.
"""


def page() -> str:
    """The text of the page."""
    context = app.make_context("monarq", [], resilient_parsing=True, auto_envvar_prefix="MONARQ")
    return "\n".join([INTRODUCTION, *_describe(context, 2)]).rstrip() + "\n"


def _describe(context: click.Context, level: int) -> Iterator[str]:
    command = context.command
    yield f"{'#' * level} {context.command_path}\n"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "").strip() + "\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"Usage: `{context.command_path} {usage}`\n"
    yield from _options(context)
    sections: Mapping[str, str] = getattr(command, "sections", {})
    for title, text in sections.items():
        yield from _section(title, text)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _describe(found.make_context(name, [], parent=context, resilient_parsing=True), level + 1)


def _options(context: click.Context) -> Iterator[str]:
    rows = []
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or not record[1] or "--help" in parameter.opts:
            continue
        spelled, meaning = record
        rows.append(f"| `{_cell(spelled)}` | {_cell(meaning)} | {_variable(context, parameter)} |")
    if rows:
        yield "\n".join(["| option | meaning | variable |", "|---|---|---|", *rows]) + "\n"


def _variable(context: click.Context, parameter: click.Parameter) -> str:
    if not isinstance(parameter, click.Option) or not parameter.allow_from_autoenv or not parameter.expose_value:
        return ""
    own = parameter.envvar
    names = [own] if isinstance(own, str) else list(own or [f"{context.auto_envvar_prefix}_{parameter.name}".upper()])
    return ", ".join(f"`{name}`" for name in names)


def _section(title: str, text: str) -> Iterator[str]:
    lines = text.strip("\n").splitlines()
    if title == "Examples" and all(line.startswith("monarq ") or not line for line in lines):
        yield f"{title}:\n\n<!-- test: parse: the jobs and queues are not there -->\n```console"
        for line in lines:
            command, *note = re.split(r" {3,}", line, maxsplit=1)
            yield f"$ {command:<50} # {note[0]}" if note else f"$ {command}"
        yield "```\n"
    else:
        yield f"{title}:\n\n<!-- test: not run: it describes -->\n```text"
        yield from (line.rstrip() for line in lines)
        yield "```\n"


def _cell(text: str) -> str:
    """A text that no table takes for its own signs."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), sys.argv[1:]))
