"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from monarq.cli.terminal.console import Reporter
from monarq.shared.errors import SettingsError
from monarq.shared.validation import check_text

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Prints the version and ends the command, where it is wanted."""
    if wanted and not context.resilient_parsing:
        from monarq.shared.version import VERSION

        click.echo(f"monarq {VERSION}")
        context.exit()


def _be_verbose(context: click.Context, _: click.Parameter, wanted: bool) -> bool:
    if wanted:
        reporter = context.find_object(Reporter)
        if reporter is not None:
            reporter.verbose = True
    return wanted


def make_verbose_option(text: str) -> Callable[[FunctionT], FunctionT]:
    """The option -v/--verbose, which the context's `Reporter` keeps.

    Args:
        text: its help.
    """
    return click.option(
        "-v", "--verbose", is_flag=True, is_eager=True, expose_value=False, callback=_be_verbose, help=text
    )


verbose_option = make_verbose_option("Show the traceback of an error.")

version_option = click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)


def queue_name(text: str) -> str:
    """The name of a queue, as a type of options and arguments.

    Raises:
        click.BadParameter: it cannot be one; it is empty, say, where a shell's variable is not set.
    """
    try:
        # A queue of arq's, which may be called anything, is to be looked at and paused all the same.
        check_text(text, "a queue's name")
    except SettingsError as error:
        raise click.BadParameter(str(error)) from None
    return text


def queue_option(text: str) -> Callable[[FunctionT], FunctionT]:
    """The option -q/--queue, as the parameter `queue`.

    Args:
        text: its help.
    """
    return click.option("-q", "--queue", multiple=True, type=queue_name, metavar="NAME", help=text)
