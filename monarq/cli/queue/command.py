"""`monarq queue`: lists, pauses, resumes and purges queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from monarq.cli.command_line.help import SectionedCommand, SectionedGroup
from monarq.cli.command_line.options import queue_name, verbose_option
from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import redis_option, run_action

if TYPE_CHECKING:
    from monarq.shared.protocol.monitor_queue import WaitingState

SECTIONS: Final = {
    "Examples": """
monarq queue list
monarq queue pause emails
monarq queue purge emails --state queued
monarq queue resume emails
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
PURGE_SECTIONS: Final = {
    "What it does": """
Jobs that wait are gone for good, with their payloads; whoever waits for a result
gets ResultNotFoundError. What runs is not touched, nor are results and dead
letters. Jobs that come in while it is at work may stay: pause the queue's
producers first.
""",
}
STATES: Final[tuple[WaitingState, ...]] = ("queued", "deferred")

_queues = click.argument("queues", type=queue_name, metavar="QUEUE...", nargs=-1, required=True)


_arq = click.option("--arq", is_flag=True, help="Queues in arq's format, where native queues have their names, too.")


def _named(queues: tuple[str, ...], is_arq: bool) -> QueueNames:
    return QueueNames(arq_names=queues) if is_arq else QueueNames(queues)


@click.group(cls=SectionedGroup, sections=SECTIONS)
@verbose_option
def queue() -> None:
    """List, pause, resume or purge queues."""


@queue.command("list", cls=SectionedCommand, sections=LIST_SECTIONS)
@click.argument("queues", type=queue_name, metavar="[QUEUE]...", nargs=-1)
@click.option("--json", is_flag=True, help="Print a line of JSON for each queue.")
@_arq
@redis_option
@verbose_option
def list_command(redis: str | None, queues: tuple[str, ...], json: bool, arq: bool) -> int:
    """List queues: by default arq:queue and every queue that was used lately."""
    from monarq.cli.queue.actions import list_queues

    return run_action(redis, lambda source: list_queues(source, _named(queues, arq), as_json=json))


@queue.command("pause", cls=SectionedCommand, sections=PAUSE_SECTIONS)
@_queues
@_arq
@redis_option
@verbose_option
def pause_command(redis: str | None, queues: tuple[str, ...], arq: bool) -> int:
    """Let queues give no more jobs to workers."""
    from monarq.cli.queue.actions import pause_queues

    return run_action(redis, lambda source: pause_queues(source, _named(queues, arq)))


@queue.command("resume")
@_queues
@_arq
@redis_option
@verbose_option
def resume_command(redis: str | None, queues: tuple[str, ...], arq: bool) -> int:
    """Let paused queues go on, at once."""
    from monarq.cli.queue.actions import resume_queues

    return run_action(redis, lambda source: resume_queues(source, _named(queues, arq)))


@queue.command("purge", cls=SectionedCommand, sections=PURGE_SECTIONS)
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
    from monarq.cli.queue.actions import purge_queue

    return run_action(redis, lambda source: purge_queue(source, _named((queue,), arq), state or STATES, is_agreed=yes))
