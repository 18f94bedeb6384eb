"""`monarq dead`: lists, shows, retries and deletes dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from monarq.cli.command_line.arguments import parse_duration, parse_rate
from monarq.cli.command_line.help import SectionedCommand, SectionedGroup
from monarq.cli.command_line.options import FunctionT, verbose_option
from monarq.cli.command_line.queue_names import queue_names_option
from monarq.cli.command_line.redis_source import redis_option, run_action

if TYPE_CHECKING:
    from monarq.cli.dead.actions import Selection

SECTIONS: Final = {
    "Examples": """
monarq dead list --name 'mail.*' --newer-than 1h
monarq dead show 5f0c... --payload
monarq dead retry --error ConnectionError --rate 50/s
monarq dead delete --older-than 3d
""",
}
JSON_SECTIONS: Final = {
    "JSON": """
A line of JSON for each letter; times are unix ms:
  queue, format, job_id, name, error, error_type, traceback, tries, crashes,
  crash_note, worker, lane, enqueued_ms, started_ms, ended_ms, died_ms, payload_bytes
show --payload adds
  payload: {format, signed, bytes, value}    value is null unless it is msgpack
""",
}
RETRY_SECTIONS: Final = {
    "What it does": """
The job goes back to its queue and lane with the same id and payload, as if it had
never run; its failed result and its dead letter are deleted. A job whose id is in
use again, or whose payload is gone, is reported and left alone; the exit code is
then 1.
""",
}


def _filters(command: FunctionT) -> FunctionT:
    """Adds the options that filter letters."""
    for option in (
        click.option("--newer-than", type=parse_duration, metavar="DURATION", help="Died less than this long ago."),
        click.option(
            "--older-than", type=parse_duration, metavar="DURATION", help="Died at least this long ago: 90, 10m, 2d."
        ),
        click.option("--error", metavar="TEXT", help="Text that the error contains; case is ignored."),
        click.option("--name", metavar="NAME", help="The job's name; * matches any text, ? any character."),
        queue_names_option("A queue; may be repeated. Default: every recently used queue."),
    ):
        command = option(command)
    return command


_ids = click.argument("ids", metavar="[ID]...", nargs=-1)
_all = click.option("--all", "everything", is_flag=True, help="All letters; for use without IDs and filters.")
_json = click.option("--json", is_flag=True, help="Print one line of JSON per letter.")


@click.group(cls=SectionedGroup, sections=SECTIONS)
@verbose_option
def dead() -> None:
    """Show, retry or delete dead letters: failed jobs that will not run again."""


@dead.command("list", cls=SectionedCommand, sections=JSON_SECTIONS)
@_filters
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="Show at most this many."
)
@_json
@redis_option
@verbose_option
def list_dead(redis: str | None, limit: int, json: bool, **given: Any) -> int:
    """List dead letters, newest first. Payloads are not decoded."""
    from monarq.cli.dead.actions import list_letters

    return run_action(redis, lambda source: list_letters(source, _selection(given), limit, as_json=json))


@dead.command("show", cls=SectionedCommand, sections=JSON_SECTIONS)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@queue_names_option("A queue to look in; may be repeated. Default: every recently used queue.")
@click.option("--payload", is_flag=True, help="Also show the arguments if they are msgpack. Nothing is unpickled.")
@_json
@redis_option
@verbose_option
def show_dead(redis: str | None, payload: bool, json: bool, **given: Any) -> int:
    """Show everything known about dead jobs, including their tracebacks."""
    from monarq.cli.dead.actions import show_letters

    return run_action(redis, lambda source: show_letters(source, _selection(given), with_payload=payload, as_json=json))


@dead.command("retry", cls=SectionedCommand, sections=RETRY_SECTIONS)
@_ids
@_filters
@_all
@click.option(
    "--rate",
    type=parse_rate,
    metavar="N/s",
    help="Retry this many a second (/m, /h), evenly spread. Default: all at once.",
)
@redis_option
@verbose_option
def retry_dead(redis: str | None, rate: float | None, everything: bool, **given: Any) -> int:
    """Put dead jobs back into their queues, oldest first."""
    from monarq.cli.dead.actions import retry_letters

    selection = _explicit_selection(given, everything)
    return run_action(redis, lambda source: retry_letters(source, selection, rate))


@dead.command("delete")
@_ids
@_filters
@_all
@redis_option
@verbose_option
def delete_dead(redis: str | None, everything: bool, **given: Any) -> int:
    """Delete dead letters for good; their jobs can no longer be retried."""
    from monarq.cli.dead.actions import delete_letters

    selection = _explicit_selection(given, everything)
    return run_action(redis, lambda source: delete_letters(source, selection))


def _selection(given: dict[str, Any]) -> Selection:
    from monarq.cli.dead.actions import Selection
    from monarq.monitor.jobs.dead_letters import DeadLetterFilter

    wanted = DeadLetterFilter(given.get("name"), given.get("error"), given.get("older_than"), given.get("newer_than"))
    return Selection(given["queues"], given.get("ids", ()), wanted)


def _explicit_selection(given: dict[str, Any], everything: bool) -> Selection:
    """The selection for a command that changes something: by IDs, by filters, or explicitly by --all."""
    selection = _selection(given)
    ways = [bool(selection.ids), not selection.wanted.is_all, everything]
    if not any(ways):
        raise click.UsageError(
            "no letters selected: give IDs, a filter such as --name, or --all", click.get_current_context()
        )
    if selection.ids and any(ways[1:]):
        raise click.UsageError("give IDs, or else filters or --all, not both", click.get_current_context())
    return selection
