"""`monarq jobs`: lists, shows, cancels and retries jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from monarq.cli.command_line.help import SectionedCommand, SectionedGroup
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.queue_names import QueueNames, queue_names_option
from monarq.cli.command_line.redis_source import redis_option, run_action

if TYPE_CHECKING:
    from monarq.monitor.jobs.listing import ListedState

SECTIONS: Final = {
    "Examples": """
monarq jobs list --state running
monarq jobs list --state queued --name 'mail.*' --limit 200
monarq jobs show 5f0c... --payload
monarq jobs cancel 5f0c...
""",
}
LIST_SECTIONS: Final = {
    "JSON": """
One line of JSON per job; times are unix ms, unknown values are null:
  queue, format, job_id, state, name, lane, enqueued_ms, due_ms, tries, crashes,
  worker, started_ms, ended_ms, error, dead, cancel_asked_ms, payload_bytes
The state is deferred, queued, running, succeeded, failed, cancelled or unknown;
dead is true if a failed job has left a dead letter.
""",
    "What it costs": """
Each page of 200 jobs is one call to Redis, however long the queue is. With
--name, at most 1,000 jobs in each state are searched; a message says so if
the search stopped there. Nothing is unpickled; a name that cannot be read without
unpickling is null. --state failed lists every job that has left a dead letter,
newest first. succeeded, cancelled and ended (any of the three) list only some of
the jobs that ended most recently.
""",
}
SHOW_SECTIONS: Final = {
    "JSON": """
One line of JSON per job, with the fields of `list` and
  crash_note, payload_format, signed, arguments, expires_ms, traceback
  result: {bytes, format, signed, kept_until_ms, success, cancelled, value, error,
           error_type, traceback, name, arguments, tries, enqueued_ms, due_ms,
           started_ms, ended_ms, lane}, or null
  timeline: [{at_ms, what, note, tries, delay_ms, worker}]
arguments is null without --payload or if they cannot be read safely, and '' if
there are none.
""",
}
CANCEL_SECTIONS: Final = {
    "What it does": """
A running job is cancelled by its worker within half a second. A waiting job ends
at once in a native queue. In arq's format, a worker ends it without running it; if
the queue is paused, only after it is resumed. Workers with arq's settings do so
only with allow_abort_jobs. To delete all waiting jobs, see `monarq queues purge`.
""",
}
RETRY_SECTIONS: Final = {
    "What it does": """
A dead job is put back into its queue as if it had never run. A deferred job,
including one that waits for a retry, is made due now. Other jobs are left alone.
To retry many dead jobs, see `monarq dead retry`.
""",
}
STATES: Final[tuple[ListedState, ...]] = (
    *("running", "queued", "deferred", "succeeded", "failed", "cancelled", "ended"),
)

_ids = click.argument("ids", metavar="ID...", nargs=-1, required=True)
_queues = queue_names_option("A queue to look in; may be repeated. Default: every recently used queue.")
_json = click.option("--json", is_flag=True, help="Print one line of JSON per job.")


@click.group(cls=SectionedGroup, sections=SECTIONS)
@verbose_option
def jobs() -> None:
    """List, show, cancel or retry jobs."""


@jobs.command("list", cls=SectionedCommand, sections=LIST_SECTIONS)
@click.option(
    "--state",
    type=click.Choice(STATES),
    multiple=True,
    help="List jobs in this state; may be repeated. Default: running, queued and deferred.",
)
@click.option("--name", metavar="NAME", help="The job's name; * matches any text, ? any character.")
@_queues
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    metavar="N",
    help="List at most this many in each state.",
)
@_json
@redis_option
@verbose_option
def list_command(
    redis: str | None,
    state: tuple[ListedState, ...],
    name: str | None,
    queues: QueueNames,
    limit: int,
    json: bool,
) -> int:
    """List jobs by state; waiting jobs are in the order in which they are due."""
    from monarq.cli.jobs.actions import ListQuery, list_jobs

    query = ListQuery(queues, state or STATES[:3], name, limit)
    return run_action(redis, lambda source: list_jobs(source, query, as_json=json))


@jobs.command("show", cls=SectionedCommand, sections=SHOW_SECTIONS)
@_ids
@_queues
@click.option("--payload", is_flag=True, help="Also show the arguments. Nothing is unpickled.")
@_json
@redis_option
@verbose_option
def show_command(redis: str | None, payload: bool, json: bool, queues: QueueNames, ids: tuple[str, ...]) -> int:
    """Show everything known about jobs, with what happened to them and when."""
    from monarq.cli.jobs.actions import show_jobs

    return run_action(redis, lambda source: show_jobs(source, queues, ids, with_arguments=payload, as_json=json))


@jobs.command("cancel", cls=SectionedCommand, sections=CANCEL_SECTIONS)
@_ids
@_queues
@redis_option
@verbose_option
def cancel_command(redis: str | None, queues: QueueNames, ids: tuple[str, ...]) -> int:
    """Stop running jobs, and keep waiting ones from running."""
    from monarq.cli.jobs.actions import cancel_jobs

    return run_action(redis, lambda source: cancel_jobs(source, queues, ids))


@jobs.command("retry", cls=SectionedCommand, sections=RETRY_SECTIONS)
@_ids
@_queues
@redis_option
@verbose_option
def retry_command(redis: str | None, queues: QueueNames, ids: tuple[str, ...]) -> int:
    """Run dead jobs again, and deferred ones now."""
    from monarq.cli.jobs.actions import retry_jobs

    return run_action(redis, lambda source: retry_jobs(source, queues, ids))
