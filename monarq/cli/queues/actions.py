"""Implements `monarq queues`: lists, pauses, resumes, purges and shards queues."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click
from redis.asyncio import Redis
from rich.table import Table
from rich.text import Text

from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import open_client
from monarq.cli.terminal.console import open_console, say
from monarq.cli.terminal.details import format_age
from monarq.monitor.admin import admin
from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.shared.errors import SettingsError
from monarq.shared.formats.choice.monitors import find_queue, monitor_queue
from monarq.shared.formats.choice.shards import set_shards
from monarq.shared.protocol.monitor_queue import WaitingState
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.redis.connection import UrlSource
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable

NARROW: Final = 64
"""Below this width, only the columns about a queue's state are shown."""


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """A queue as `monarq queues list` prints it.

    Attributes:
        queue: its name.
        format: its format.
        queued: jobs that are due and waiting.
        deferred: jobs that are not due yet.
        running: jobs that monarq workers hold.
        dead: dead letters.
        workers: how many live monarq workers serve it.
        paused_since_ms: when it was paused, unix ms; None if it is not paused.
    """

    queue: str
    format: Format
    queued: int
    deferred: int
    running: int
    dead: int
    workers: int
    paused_since_ms: int | None

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        return QueueRef(self.queue, self.format)


async def list_queues(source: UrlSource, queues: QueueNames, *, as_json: bool) -> int:
    """Prints queues; returns the exit code, 1 if one is unknown.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        found, code = await queues.find_there(redis)
        stats = await read_stats(redis, found)
        queues_shown = [_summarize(one, await admin.paused_since_ms(redis, one.ref)) for one in stats]
    if as_json:
        sys.stdout.write("".join(json_line(summary) + "\n" for summary in queues_shown))
    elif queues_shown:
        console = open_console(sys.stdout)
        console.print(_render(queues_shown, width=console.width))
    return code


async def pause_queues(source: UrlSource, queues: QueueNames) -> int:
    """Pauses queues; returns the exit code, 1 if one is unknown.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        found, code = await queues.find_there(redis)
        for queue in found:
            if await admin.pause(redis, queue):
                say(f"monarq: {printable(queue.label)} is paused; running jobs continue")
            else:
                say(f"monarq: {printable(queue.label)} was already paused")
    return code


async def resume_queues(source: UrlSource, queues: QueueNames) -> int:
    """Resumes queues; returns the exit code, 1 if one is unknown.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        found, code = await queues.find_there(redis)
        for queue in found:
            was_paused = await admin.resume(redis, queue)
            say(f"monarq: {printable(queue.label)} {'is resumed' if was_paused else 'was not paused'}")
    return code


async def purge_queue(source: UrlSource, name: QueueNames, states: Sequence[WaitingState], *, is_agreed: bool) -> int:
    """Deletes waiting jobs; returns the exit code, 1 if the queue is unknown.

    Raises:
        click.UsageError: it must be confirmed, but stdin is not a terminal.
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        found, code = await name.find_there(redis)
        if not found:
            return code
        [stats] = await read_stats(redis, found)
        queue = stats.ref
        count = sum(getattr(stats, state) for state in states)
        if not is_agreed and count:
            _confirm(queue, states, count)
        removed = 0
        try:
            async for some in admin.purge_slowly(redis, queue, states):
                removed += some
        finally:
            say(f"monarq: deleted {removed:,} {'job' if removed == 1 else 'jobs'} from {printable(queue.label)}")
    return 0


async def set_queue_shards(source: UrlSource, queue: QueueRef, count: int, *, keep_s: float) -> int:
    """Gives a queue shards and prints each step; returns the exit code.

    Raises:
        SettingsError: the queue cannot have that number of shards, or is in arq's format.
        RedisError: Redis did not answer.
    """

    def report(what: str) -> None:
        say(f"monarq: {what}")

    async with open_client(source) as redis:
        await _refuse_arq(redis, queue.name)
        shards = await set_shards(redis, queue.name, count, keep_s=keep_s, report=report)
        say(f"monarq: {printable(queue.name)} has {shards.count} {'shard' if shards.count == 1 else 'shards'}")
    return 0


async def _refuse_arq(redis: Redis, name: str) -> None:
    """Refuses to shard a queue in arq's format: that would create a native queue of the same name, which hides it.

    Raises:
        SettingsError: there is only a queue in arq's format of that name.
        RedisError: Redis did not answer.
    """
    found = await find_queue(redis, name)
    if found.format == "arq" and await monitor_queue(found).is_known(redis):
        shown = printable(name)
        raise SettingsError(
            f"the queue {shown} is in arq's format, which has no shards: move its jobs to a native queue"
            f" (monarq queues move {shown} NAME) and shard that one"
        )


def _confirm(queue: QueueRef, states: Sequence[WaitingState], count: int) -> None:
    what = f"{count:,} {' and '.join(states)} {'job' if count == 1 else 'jobs'} from {printable(queue.label)}"
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"this permanently deletes {what}: confirm with --yes", click.get_current_context(silent=True)
        )
    click.confirm(f"Permanently delete {what}?", abort=True, err=True)


def _summarize(stats: QueueStats, paused_since_ms: int | None) -> QueueSummary:
    alive = sum(worker.alive for worker in stats.workers)
    return QueueSummary(
        *stats.ref, stats.queued, stats.deferred, stats.running, stats.dead, alive, paused_since_ms=paused_since_ms
    )


def _render(queues_shown: Sequence[QueueSummary], *, width: int) -> Table:
    """Queues as a table, one row each; on a narrow screen, names are cut before numbers."""
    is_narrow = width < NARROW
    table = Table(
        box=None, pad_edge=False, padding=(0, 1 if is_narrow else 2, 0, 0), header_style="dim", show_edge=False
    )
    table.add_column("queue", overflow="ellipsis", no_wrap=True, min_width=5)
    names = ("queued", "deferred", "running", "dead", *(() if is_narrow else ("workers",)))
    for name in names:
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    table.add_column("", no_wrap=True)
    for summary in queues_shown:
        since_ms = summary.paused_since_ms
        paused = "" if since_ms is None else "paused" if is_narrow else f"paused for {format_age(since_ms)}"
        counts = (Text(f"{getattr(summary, name):,}") for name in names)
        table.add_row(Text(printable(summary.ref.label), style="bold"), *counts, Text(paused, "yellow"))
    return table
