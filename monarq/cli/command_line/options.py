"""Options that several commands share: --version, --verbose and --queue; and the option types for queue names."""

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
    """If the option is given, prints the version and ends the command."""
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
    """The option -v/--verbose, stored in the context's `Reporter`.

    Args:
        text: its help.
    """
    return click.option(
        "-v", "--verbose", is_flag=True, is_eager=True, expose_value=False, callback=_set_verbose, help=text
    )


verbose_option = make_verbose_option("Show the traceback of errors.")

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
    """The type of options and arguments that name a queue.

    Raises:
        click.BadParameter: it is not a valid name; for example, it is empty because a shell variable is unset.
    """
    try:
        # arq's queues may have any name, and must be accepted here.
        check_text(text, "a queue's name")
    except SettingsError as error:
        raise click.BadParameter(str(error)) from None
    return text


def queue_of(its_format: Format, *, any_arq_name: bool = False) -> Callable[[str], QueueRef]:
    """The type of options that name a queue of this format.

    Args:
        its_format: the format.
        any_arq_name: for arq's format, accept every name that arq accepts, even those that monarq would refuse.
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
