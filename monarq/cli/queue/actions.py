"""The work of `monarq queue`: shows queues, pauses, resumes and purges them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click
from redis.asyncio import Redis
from rich.table import Table
from rich.text import Text

from monarq.cli.console import FAILED, open_console, say
from monarq.cli.dead.view import ago
from monarq.cli.source import open_client
from monarq.monitor.admin import admin
from monarq.monitor.admin.admin import WaitingState
from monarq.monitor.queues.stats import QueueStats, known_queues, read_stats
from monarq.shared.redis.connection import UrlSource
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable

NARROW: Final = 64
"""Columns below which only what tells a queue's state is left."""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue as `monarq queue list` gives it.

    Attributes:
        queue: its name.
        queued: jobs that are due and wait.
        deferred: jobs that are not due yet.
        running: jobs that monarq workers hold.
        dead: dead letters.
        workers: how many monarq workers serve it, and are alive.
        paused_since_ms: since when it is paused, unix ms; None where it is not.
    """

    queue: str
    queued: int
    deferred: int
    running: int
    dead: int
    workers: int
    paused_since_ms: int | None


async def list_queues(source: UrlSource, queues: Sequence[str], *, as_json: bool) -> int:
    """Prints queues; gives the exit code.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        stats = await read_stats(redis, queues or await known_queues(redis))
        lines = [_line(one, await admin.paused_since_ms(redis, one.queue)) for one in stats]
    if as_json:
        sys.stdout.write("".join(json_line(line) + "\n" for line in lines))
    else:
        console = open_console(sys.stdout)
        console.print(_render(lines, width=console.width))
    return 0


async def pause_queues(source: UrlSource, queues: Sequence[str]) -> int:
    """Pauses queues; gives the exit code, 1 where one is not known.

    Raises:
        RedisError: Redis did not answer.
    """
    unknown = 0
    async with open_client(source) as redis:
        for queue in dict.fromkeys(queues):
            if not await _is_known(redis, queue):
                unknown += 1
                await _say_unknown(redis, queue)
            elif await admin.pause(redis, queue):
                say(f"monarq: {printable(queue)} is paused; what runs goes on")
            else:
                say(f"monarq: {printable(queue)} was paused already")
    return FAILED if unknown else 0


async def resume_queues(source: UrlSource, queues: Sequence[str]) -> int:
    """Lets queues go on; gives the exit code.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        for queue in dict.fromkeys(queues):
            was_paused = await admin.resume(redis, queue)
            say(f"monarq: {printable(queue)} {'goes on' if was_paused else 'was not paused'}")
    return 0


async def purge_queue(source: UrlSource, queue: str, states: Sequence[WaitingState], *, is_agreed: bool) -> int:
    """Throws away what waits; gives the exit code, 1 where the queue is not known.

    Raises:
        click.UsageError: nobody is there to be asked.
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        if not await _is_known(redis, queue):
            await _say_unknown(redis, queue)
            return FAILED
        [stats] = await read_stats(redis, [queue])
        count = sum(getattr(stats, state) for state in states)
        if not is_agreed and count:
            _ask(queue, states, count)
        removed = 0
        try:
            async for some in admin.purge_slowly(redis, queue, states):
                removed += some
        finally:
            say(f"monarq: {'1 job is' if removed == 1 else f'{removed:,} jobs are'} gone from {printable(queue)}")
    return 0


def _ask(queue: str, states: Sequence[WaitingState], count: int) -> None:
    what = f"{count:,} {' and '.join(states)} {'job' if count == 1 else 'jobs'} of {printable(queue)}"
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"this throws {what} away for good: say so with --yes", click.get_current_context(silent=True)
        )
    click.confirm(f"Throw {what} away for good?", abort=True, err=True)


async def _is_known(redis: Redis, queue: str) -> bool:
    return queue in await known_queues(redis) or bool(await redis.exists(queue))


async def _say_unknown(redis: Redis, queue: str) -> None:
    known = ", ".join(map(printable, await known_queues(redis)))
    say(f"monarq: no queue {printable(queue)} is known, and no job waits in it; known are {known}")


def _line(stats: QueueStats, paused_since_ms: int | None) -> QueueLine:
    alive = sum(worker.alive for worker in stats.workers)
    return QueueLine(
        stats.queue, stats.queued, stats.deferred, stats.running, stats.dead, alive, paused_since_ms=paused_since_ms
    )


def _render(lines: Sequence[QueueLine], *, width: int) -> Table:
    """Queues as a table, a row each; where it is narrow, names are cut before numbers."""
    is_narrow = width < NARROW
    table = Table(
        box=None, pad_edge=False, padding=(0, 1 if is_narrow else 2, 0, 0), header_style="dim", show_edge=False
    )
    table.add_column("queue", overflow="ellipsis", no_wrap=True, min_width=5)
    names = ("queued", "deferred", "running", "dead", *(() if is_narrow else ("workers",)))
    for name in names:
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    table.add_column("", no_wrap=True)
    for line in lines:
        since_ms = line.paused_since_ms
        paused = "" if since_ms is None else "paused" if is_narrow else f"paused for {ago(since_ms)}"
        counts = (Text(f"{getattr(line, name):,}") for name in names)
        table.add_row(Text(printable(line.queue), style="bold"), *counts, Text(paused, "yellow"))
    return table
