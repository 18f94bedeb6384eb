"""`monarq queues`: lists, pauses, resumes, purges and shards queues, and moves their jobs."""

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
One line of JSON per queue:
  queue, format, queued, deferred, running, dead, workers, paused_since_ms
paused_since_ms is unix ms, null if the queue is not paused.
""",
}
PAUSE_SECTIONS: Final = {
    "What it does": """
monarq's workers start no more jobs of the queue until it is resumed, even after a
restart of the workers or of Redis. Running jobs continue, and new jobs are accepted.
Workers in burst mode exit without running the jobs of a paused queue. Stock arq
workers ignore the pause.
""",
}
SHARDS_SECTIONS: Final = {
    "What it does": """
The queue stays in use meanwhile. Producers and workers notice the new number by
themselves. The command waits a few seconds until the change is safe on every Redis.
If it is interrupted, run it again. The number can only be raised. Until --keep is
over, a job with an id of your own is also looked for in its old shard.
""",
}
PURGE_SECTIONS: Final = {
    "What it does": """
Waiting jobs are permanently deleted, with their payloads; clients that wait for their
results get ResultNotFoundError. Running jobs, results and dead letters are not
touched. Jobs that are enqueued meanwhile may stay: stop the queue's producers first.
The empty queue stays in lists until it has not been used for a week.
""",
}
MOVE_SECTIONS: Final = {
    "What it does": """
FROM is paused and stays paused. Its queued and deferred jobs go to TO with all their
data: payload (unchanged), position, due time, expiry, lane, tries, crashes, history,
progress, cancellation request. Running jobs end in FROM; jobs that return to FROM or
are enqueued there later need another run. Results and dead letters stay. Clients that
wait for a moved job in FROM are told that it is no longer there.
""",
    "When it is interrupted": """
No job is lost and none runs twice, wherever it was interrupted: run it again to
continue. Ctrl-C and SIGTERM end it between two pages, with no job half moved: it
prints how many jobs still wait, and FROM can be resumed or moved elsewhere; the exit
code is 130 or 143. If Redis refuses a page, for example because it is full, it ends
in the same way with code 2, and resumes FROM if it has moved nothing. If it is
killed, FROM cannot be resumed until another run has finished.
""",
    "Formats": """
FROM is the native queue of that name. If there is none, or it is empty and the queue
in arq's format is not, FROM is the one in arq's format; --arq always selects the
latter. TO is a native queue, or with --to-arq one in arq's format; its name must
differ from FROM's. Neither may have shards; on a Redis Cluster, both must be native.
Stock arq workers ignore a pause: stop them first. The command refuses to start while
their health check (FROM:health-check) exists; a killed worker leaves it for up to an
hour.
""",
    "JSON": """
One line at the end:
  source, source_format, target, target_format, is_dry, is_complete, moved, was_in,
  running, cancelling, without_payload, left ([{job_id, why}]), taken ([id])
was_in: jobs that an earlier run had already moved; left: jobs that could not be
moved; taken: jobs that a worker of FROM claimed meanwhile, which may run twice.
The exit code is 1 if any job was left or taken.
""",
}
STATES: Final[tuple[WaitingState, ...]] = ("queued", "deferred")

_queues = click.argument("queues", type=queue_name, metavar="QUEUE...", nargs=-1, required=True)


_arq = click.option(
    "--arq", is_flag=True, help="Select queues in arq's format; needed only if native queues have the same names."
)


def _named(queues: tuple[str, ...], is_arq: bool) -> QueueNames:
    return QueueNames(arq_names=queues) if is_arq else QueueNames(queues)


@click.group(cls=SectionedGroup, sections=SECTIONS)
@verbose_option
def queues() -> None:
    """List, pause, resume, purge or shard queues, or move their jobs."""


@queues.command("list", cls=SectionedCommand, sections=LIST_SECTIONS)
@click.argument("queues", type=queue_name, metavar="[QUEUE]...", nargs=-1)
@click.option("--json", is_flag=True, help="Print one line of JSON per queue.")
@_arq
@redis_option
@verbose_option
def list_command(redis: str | None, queues: tuple[str, ...], json: bool, arq: bool) -> int:
    """List queues; by default every recently used queue."""
    from monarq.cli.queues.actions import list_queues

    return run_action(redis, lambda source: list_queues(source, _named(queues, arq), as_json=json))


@queues.command("pause", cls=SectionedCommand, sections=PAUSE_SECTIONS)
@_queues
@_arq
@redis_option
@verbose_option
def pause_command(redis: str | None, queues: tuple[str, ...], arq: bool) -> int:
    """Pause queues: workers start no more of their jobs."""
    from monarq.cli.queues.actions import pause_queues

    return run_action(redis, lambda source: pause_queues(source, _named(queues, arq)))


@queues.command("resume")
@_queues
@_arq
@redis_option
@verbose_option
def resume_command(redis: str | None, queues: tuple[str, ...], arq: bool) -> int:
    """Resume paused queues at once."""
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
    help="How long results and dead letters of the queue are kept at most; 0: forever.",
)
@redis_option
@verbose_option
def shards_command(redis: str | None, queue: QueueRef, count: int, keep: float) -> int:
    """Spread a native queue over N shards, or raise the number of its shards to N."""
    from monarq.cli.queues.actions import set_queue_shards

    return run_action(redis, lambda source: set_queue_shards(source, queue, count, keep_s=keep))


@queues.command("purge", cls=SectionedCommand, sections=PURGE_SECTIONS)
@click.argument("queue", type=queue_name, metavar="QUEUE")
@click.option(
    "--state",
    type=click.Choice(STATES),
    multiple=True,
    help="Delete only jobs in this state; may be repeated. Default: queued and deferred.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@_arq
@redis_option
@verbose_option
def purge_command(redis: str | None, queue: str, state: tuple[WaitingState, ...], yes: bool, arq: bool) -> int:
    """Delete all waiting jobs of a queue."""
    from monarq.cli.queues.actions import purge_queue

    return run_action(redis, lambda source: purge_queue(source, _named((queue,), arq), state or STATES, is_agreed=yes))


@queues.command("move", cls=SectionedCommand, sections=MOVE_SECTIONS)
@click.argument("source", type=queue_name, metavar="FROM")
@click.argument("target", type=queue_name, metavar="TO")
@click.option("--arq", is_flag=True, help="FROM is in arq's format; needed only if a native queue has the same name.")
@click.option("--to-arq", is_flag=True, help="TO is in arq's format.")
@click.option(
    "--rate",
    type=parse_rate,
    default="1000/s",
    show_default=True,
    metavar="N/s",
    help="Move this many jobs a second (/m, /h). 1000/s takes about a tenth of Redis' time.",
)
@click.option("--dry-run", is_flag=True, help="Only print how many jobs would be moved.")
@click.option("--arq-workers-stopped", is_flag=True, help="Confirm that arq's own workers no longer serve FROM.")
@click.option("--json", is_flag=True, help="Print the outcome as one line of JSON.")
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
    """Move the waiting jobs of a queue to another queue, which may have another format."""
    from monarq.cli.queues.move import MoveOptions, move_jobs

    options = MoveOptions(queue_of("arq" if to_arq else "native")(target), rate, dry_run, json, arq_workers_stopped)
    return run_action(redis, lambda found: move_jobs(found, _named((source,), arq), options))
