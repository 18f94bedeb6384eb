"""Options that several commands have: --version, --verbose and --queue; and the types of what names a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from monarq.cli.terminal.console import Reporter
from monarq.shared.errors import SettingsError
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.queue import check_ref
from monarq.shared.validation import check_text

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Prints the version and ends the command, if the option is given."""
    if wanted and not context.resilient_parsing:
        from monarq.shared.version import VERSION

        click.echo(f"monarq {VERSION}")
        context.exit()


def _set_verbose(context: click.Context, _: click.Parameter, wanted: bool) -> bool:
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
        "-v", "--verbose", is_flag=True, is_eager=True, expose_value=False, callback=_set_verbose, help=text
    )


verbose_option = make_verbose_option("Show the traceback of an error.")

version_option = click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)


def queue_name(text: str) -> str:
    """The name of a queue, as a type of options and arguments.

    Raises:
        click.BadParameter: it cannot be one. For example, it is empty because a shell variable is not set.
    """
    try:
        # arq's queues may have any name, and must be accepted here.
        check_text(text, "a queue's name")
    except SettingsError as error:
        raise click.BadParameter(str(error)) from None
    return text


def queue_of(its_format: Format, *, any_arq_name: bool = False) -> Callable[[str], QueueRef]:
    """Queues of a format, as a type of options.

    Args:
        its_format: the format.
        any_arq_name: accept names of queues in arq's format that monarq itself would refuse, as arq does.
    """

    def queue(name: str) -> QueueRef:
        ref = QueueRef(name, its_format)
        try:
            check_ref(ref, "a queue's name", any_arq_name=any_arq_name)
        except SettingsError as error:
            raise click.BadParameter(str(error)) from None
        return ref

    return queue


def queue_option(text: str) -> Callable[[FunctionT], FunctionT]:
    """The option -q/--queue, as the parameter `queue`.

    Args:
        text: its help.
    """
    return click.option("-q", "--queue", multiple=True, type=queue_name, metavar="NAME", help=text)
