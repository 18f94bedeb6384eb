"""`monarq queues`: lists, pauses, resumes, purges and spreads queues, and moves their jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from monarq.cli.command_line.arguments import parse_duration, parse_rate
from monarq.cli.command_line.help import SectionedCommand, SectionedGroup
from monarq.cli.command_line.options import queue_name, queue_of, verbose_option
from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import redis_option, run_action
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import MOST_SHARDS

if TYPE_CHECKING:
    from monarq.shared.protocol.monitor_queue import WaitingState

SECTIONS: Final = {
    "Examples": """
monarq queues list
monarq queues pause emails
monarq queues purge emails --state queued
monarq queues resume emails
monarq queues shards emails 8
monarq queues move arq:queue emails --dry-run
""",
}
LIST_SECTIONS: Final = {
    "JSON": """
A line of JSON for each queue:
  queue, format, queued, deferred, running, dead, workers, paused_since_ms
paused_since_ms is unix ms, null where the queue is not paused.
""",
}
PAUSE_SECTIONS: Final = {
    "What it does": """
monarq's workers are given no more jobs of the queue, until it is resumed: nor after
a restart of them or of Redis. What runs goes on; jobs are put in as ever. Workers
in burst mode end without the jobs of a paused queue. Stock arq workers know
nothing of it, and go on.
""",
}
SHARDS_SECTIONS: Final = {
    "What it does": """
Jobs go on being put in, run and waited for meanwhile. Producers and workers learn
of the new number by themselves. It waits some seconds until no Redis can lose what
it was told. Stopped half-way, it is run again. The number can only be raised.
Until --keep is over, a job whose id was chosen is looked for where it was before, too.
""",
}
PURGE_SECTIONS: Final = {
    "What it does": """
Jobs that wait are gone for good, with their payloads; whoever waits for a result
gets ResultNotFoundError. What runs is not touched, nor are results and dead
letters. Jobs that come in while it is at work may stay: pause the queue's
producers first.
""",
}
MOVE_SECTIONS: Final = {
    "What it does": """
FROM is paused and stays so. Its queued and deferred jobs go to TO with all that
belongs to them: payload as it is, place in the order, due time, expiry, lane, tries,
crashes, history, progress, request to cancel. What runs ends where it is; what comes
back or is enqueued in FROM later is moved by another run. Results and dead letters
stay. Who waits for a moved job in FROM is told that it is not there any more.
""",
    "When it is interrupted": """
No job is lost and none runs twice, wherever it was stopped: run it again, and it
goes on. Ctrl-C and SIGTERM end it between two pages, with nothing half moved: it
says how many jobs still wait, and FROM can be resumed or moved elsewhere; the exit
code is 130 or 143. Where Redis refuses a page, as it is full, it ends like that with
code 2, and resumes FROM if it has moved nothing. Killed, it leaves FROM so that it
cannot be resumed until a run has come to its end.
""",
    "Formats": """
FROM is the native queue of that name if it is known, else, or where that is empty
and the other is not, the one in arq's format; with --arq it is the latter. TO is a
native queue, with --to-arq one in arq's format, and has another name than FROM.
Neither has shards; a Redis Cluster has native ones. Stock arq workers ignore a pause:
stop them first. It refuses to begin where their health check (FROM:health-check) is
there; a killed one leaves it for up to an hour.
""",
    "JSON": """
A line at the end:
  source, source_format, target, target_format, is_dry, is_complete, moved, was_in,
  running, cancelling, without_payload, left ([{job_id, why}]), taken ([id])
was_in are jobs that an earlier run had put in, left those that could not be moved,
taken those that a worker of FROM took meanwhile, so that they may run twice.
The exit code is 1 where there are such jobs.
""",
}
STATES: Final[tuple[WaitingState, ...]] = ("queued", "deferred")

_queues = click.argument("queues", type=queue_name, metavar="QUEUE...", nargs=-1, required=True)


_arq = click.option("--arq", is_flag=True, help="Queues in arq's format, where native queues have their names, too.")


def _named(queues: tuple[str, ...], is_arq: bool) -> QueueNames:
    return QueueNames(arq_names=queues) if is_arq else QueueNames(queues)


@click.group(cls=SectionedGroup, sections=SECTIONS)
@verbose_option
def queues() -> None:
    """List, pause, resume, purge or spread queues, or move their jobs."""


@queues.command("list", cls=SectionedCommand, sections=LIST_SECTIONS)
@click.argument("queues", type=queue_name, metavar="[QUEUE]...", nargs=-1)
@click.option("--json", is_flag=True, help="Print a line of JSON for each queue.")
@_arq
@redis_option
@verbose_option
def list_command(redis: str | None, queues: tuple[str, ...], json: bool, arq: bool) -> int:
    """List queues: by default every queue that was used lately."""
    from monarq.cli.queues.actions import list_queues

    return run_action(redis, lambda source: list_queues(source, _named(queues, arq), as_json=json))


@queues.command("pause", cls=SectionedCommand, sections=PAUSE_SECTIONS)
@_queues
@_arq
@redis_option
@verbose_option
def pause_command(redis: str | None, queues: tuple[str, ...], arq: bool) -> int:
    """Let queues give no more jobs to workers."""
    from monarq.cli.queues.actions import pause_queues

    return run_action(redis, lambda source: pause_queues(source, _named(queues, arq)))


@queues.command("resume")
@_queues
@_arq
@redis_option
@verbose_option
def resume_command(redis: str | None, queues: tuple[str, ...], arq: bool) -> int:
    """Let paused queues go on, at once."""
    from monarq.cli.queues.actions import resume_queues

    return run_action(redis, lambda source: resume_queues(source, _named(queues, arq)))


@queues.command("shards", cls=SectionedCommand, sections=SHARDS_SECTIONS)
@click.argument("queue", type=queue_of("native"), metavar="QUEUE")
@click.argument("count", type=click.IntRange(1, MOST_SHARDS), metavar="N")
@click.option(
    "--keep",
    type=parse_duration,
    default="30d",
    show_default=True,
    metavar="DURATION",
    help="How long results and dead letters of the queue are kept at most; 0 for ever.",
)
@redis_option
@verbose_option
def shards_command(redis: str | None, queue: QueueRef, count: int, keep: float) -> int:
    """Spread a native queue over N shards, or over more than it has."""
    from monarq.cli.queues.actions import set_queue_shards

    return run_action(redis, lambda source: set_queue_shards(source, queue, count, keep_s=keep))


@queues.command("purge", cls=SectionedCommand, sections=PURGE_SECTIONS)
@click.argument("queue", type=queue_name, metavar="QUEUE")
@click.option(
    "--state",
    type=click.Choice(STATES),
    multiple=True,
    help="Only these; may be repeated. Default: queued and deferred.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_arq
@redis_option
@verbose_option
def purge_command(redis: str | None, queue: str, state: tuple[WaitingState, ...], yes: bool, arq: bool) -> int:
    """Throw away all jobs that wait in a queue."""
    from monarq.cli.queues.actions import purge_queue

    return run_action(redis, lambda source: purge_queue(source, _named((queue,), arq), state or STATES, is_agreed=yes))


@queues.command("move", cls=SectionedCommand, sections=MOVE_SECTIONS)
@click.argument("source", type=queue_name, metavar="FROM")
@click.argument("target", type=queue_name, metavar="TO")
@click.option("--arq", is_flag=True, help="FROM is in arq's format, where a native queue has its name, too.")
@click.option("--to-arq", is_flag=True, help="TO is in arq's format.")
@click.option(
    "--rate",
    type=parse_rate,
    default="1000/s",
    show_default=True,
    metavar="N/s",
    help="Move so many jobs a second (/m, /h); a thousand leave nine tenths of Redis' time to others.",
)
@click.option("--dry-run", is_flag=True, help="Only say how many jobs would be moved.")
@click.option("--arq-workers-stopped", is_flag=True, help="None of arq's own workers serves FROM any more.")
@click.option("--json", is_flag=True, help="Print the outcome as a line of JSON.")
@redis_option
@verbose_option
def move_command(
    redis: str | None,
    source: str,
    target: str,
    arq: bool,
    to_arq: bool,
    rate: float,
    dry_run: bool,
    arq_workers_stopped: bool,
    json: bool,
) -> int:
    """Move the jobs that wait in a queue to another one, also of another format."""
    from monarq.cli.queues.move import MoveOptions, move_jobs

    options = MoveOptions(queue_of("arq" if to_arq else "native")(target), rate, dry_run, json, arq_workers_stopped)
    return run_action(redis, lambda found: move_jobs(found, _named((source,), arq), options))
