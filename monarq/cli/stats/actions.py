"""Implements `monarq stats`: reads queues, and shows them as JSON, as text, or as a screen that is refreshed."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from textwrap import wrap
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import open_client
from monarq.cli.stats.as_json import to_json
from monarq.cli.stats.view import Viewport, render
from monarq.cli.terminal.console import FAILED, open_console, say
from monarq.monitor.health.overview import Overview, read_overviews
from monarq.shared.redis.connection import UrlSource
from monarq.shared.redis.redis_errors import explain

REFRESH_S: Final = 1.0

MAX_READ_SHARE: Final = 0.05
"""The largest share of time that a watch spends reading; long windows with many jobs are refreshed less often."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        queues: the queues that exist.
        trouble: a sentence for each queue that does not exist, or why nothing could be read.
    """

    queues: Sequence[Overview] = ()
    trouble: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StatsOptions:
    """What to show, and how.

    Attributes:
        queues: the queues; all known queues if no name is given.
        window_s: the period for which jobs are counted by name, in seconds, whole minutes; None: since the first job.
        as_json: print JSON.
        no_color: use no colours, whatever the terminal supports.
    """

    queues: QueueNames = field(default_factory=QueueNames)
    window_s: int | None = 900
    as_json: bool = False
    no_color: bool = False


async def show_once(source: UrlSource, options: StatsOptions) -> int:
    """Reads and prints the queues; returns the exit code, 1 if one is unknown.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        reading = await _read(redis, options)
    _printer(options)(reading)
    return FAILED if reading.trouble else 0


async def watch_stats(source: UrlSource, options: StatsOptions) -> None:
    """Reads and shows the queues every second until cancelled.

    If Redis becomes unreachable later, it shows the error. It waits for queues that do not exist yet. SIGTERM and
    SIGHUP cancel it, so that the terminal is restored.

    Raises:
        RedisError: Redis did not answer the first time.
    """
    _cancel_on_signals()
    async with open_client(source) as redis:
        read_s, reading = await _timed(_read_waiting(redis, options))
        with _screen(options) as show:
            while True:
                show(reading)
                await asyncio.sleep(max(REFRESH_S, read_s / MAX_READ_SHARE))
                read_s, reading = await _timed(_read_or_explain(redis, options, source.shown))


async def _timed(read: Awaitable[Reading]) -> tuple[float, Reading]:
    started_s = time.monotonic()
    reading = await read
    return time.monotonic() - started_s, reading


def _cancel_on_signals() -> None:
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _read(redis: Redis, options: StatsOptions) -> Reading:
    minutes = None if options.window_s is None else options.window_s // 60
    queues, missing = await options.queues.find_apart(redis)
    return Reading(await read_overviews(redis, queues, minutes=minutes), missing)


async def _read_waiting(redis: Redis, options: StatsOptions) -> Reading:
    reading = await _read(redis, options)
    return replace(reading, trouble=[f"waiting: {sentence}" for sentence in reading.trouble])


async def _read_or_explain(redis: Redis, options: StatsOptions, shown: str) -> Reading:
    try:
        return await _read_waiting(redis, options)
    except (RedisError, OSError) as error:
        return Reading(trouble=[str(explain(error, shown))])


@contextmanager
def _screen(options: StatsOptions) -> Iterator[Callable[[Reading], None]]:
    """The function that shows what a watch has read."""
    console = _console(options)
    # If the cursor cannot be moved, texts are printed one after the other, as in a pipe.
    if options.as_json or not console.is_terminal or console.is_dumb_terminal:
        yield _printer(options)
        return
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        yield lambda reading: live.update(_render(reading, options, console), refresh=True)


def _printer(options: StatsOptions) -> Callable[[Reading], None]:
    """The function that prints what was read."""
    console = _console(options)
    said: Sequence[str] = ()

    def show(reading: Reading) -> None:
        nonlocal said
        for sentence in reading.trouble if reading.trouble != said else ():
            say(f"monarq: {sentence}")
        said = reading.trouble
        if not reading.queues:
            return
        if options.as_json:
            sys.stdout.write(to_json(reading.queues, options.window_s).decode() + "\n")
            sys.stdout.flush()
        else:
            console.print(render(reading.queues, options.window_s, _viewport(console, None)))

    return show


def _console(options: StatsOptions) -> Console:
    console = open_console(sys.stdout)
    console.no_color = console.no_color or options.no_color
    return console


def _render(reading: Reading, options: StatsOptions, console: Console) -> RenderableType:
    trouble = [Text(line) for sentence in reading.trouble for line in wrap(sentence, console.width)]
    if not reading.queues:
        return Group(*trouble)
    viewport = _viewport(console, console.height - len(trouble))
    return Group(*trouble, render(reading.queues, options.window_s, viewport))


def _viewport(console: Console, height: int | None) -> Viewport:
    return Viewport(console.width, height, console.options.ascii_only)
