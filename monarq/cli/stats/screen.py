"""Reads queues and shows them: as JSON, as a screen that is refreshed in place, or as text for a pipe."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from monarq.cli.console import open_console, say
from monarq.cli.source import open_client, told
from monarq.cli.stats.as_json import to_json
from monarq.cli.stats.view import Frame, render
from monarq.monitor.health.overview import Overview, read_overviews
from monarq.monitor.queues.stats import known_queues
from monarq.shared.redis.connection import UrlSource

REFRESH_S: Final = 1.0

MOST_READING: Final = 0.05
"""The part of a watch's time that is spent in reading, at most: long windows of many jobs are shown anew less often."""

News = list[Overview] | str
"""What was read, or why it could not be."""


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """What is to be shown.

    Attributes:
        queues: by name; all that are known where none is named.
        window_s: over how long jobs are counted by name, whole minutes; None for since the first job.
        as_json: as JSON.
        no_color: without colours, whatever the terminal can show.
    """

    queues: tuple[str, ...] = ()
    window_s: int | None = 900
    as_json: bool = False
    no_color: bool = False


async def show_once(source: UrlSource, wanted: DeadLetterFilter) -> None:
    """Reads and prints the queues.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        _printer(wanted)(await _read(redis, wanted))


async def watch_stats(source: UrlSource, wanted: DeadLetterFilter) -> None:
    """Reads and shows them each second until cancelled; a Redis that goes away later is told of and waited for.

    The signals that end a process cancel it, so that no terminal is left on the screen of a program that is gone.

    Raises:
        RedisError: Redis did not answer the first time.
    """
    _let_signals_cancel()
    async with open_client(source) as redis:
        read_s, news = await _timed(_read(redis, wanted))
        with _screen(wanted) as show:
            while True:
                show(news)
                await asyncio.sleep(max(REFRESH_S, read_s / MOST_READING))
                read_s, news = await _timed(_read_or_tell(redis, wanted, source.shown))


async def _timed(reading: Awaitable[News]) -> tuple[float, News]:
    began_s = time.monotonic()
    news = await reading
    return time.monotonic() - began_s, news


def _let_signals_cancel() -> None:
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _read(redis: Redis, wanted: DeadLetterFilter) -> News:
    minutes = None if wanted.window_s is None else wanted.window_s // 60
    return await read_overviews(redis, wanted.queues or await known_queues(redis), minutes=minutes)


async def _read_or_tell(redis: Redis, wanted: DeadLetterFilter, shown: str) -> News:
    try:
        return await _read(redis, wanted)
    except (RedisError, OSError) as error:
        return str(told(error, shown))


@contextmanager
def _screen(wanted: DeadLetterFilter) -> Iterator[Callable[[News], None]]:
    """How a watch shows what it reads."""
    console = _console(wanted)
    # Where the cursor cannot be moved, one text follows the other as in a pipe.
    if wanted.as_json or not console.is_terminal or console.is_dumb_terminal:
        yield _printer(wanted)
        return
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        yield lambda news: live.update(_rendered(news, wanted, console, console.height), refresh=True)


def _printer(wanted: DeadLetterFilter) -> Callable[[News], None]:
    """How everything is written once."""
    console = _console(wanted)

    def show(news: News) -> None:
        if isinstance(news, str):
            say(f"monarq: {news}")
        elif wanted.as_json:
            sys.stdout.write(to_json(news, wanted.window_s).decode() + "\n")
            sys.stdout.flush()
        else:
            console.print(_rendered(news, wanted, console, None))

    return show


def _console(wanted: DeadLetterFilter) -> Console:
    console = open_console(sys.stdout)
    console.no_color = console.no_color or wanted.no_color
    return console


def _rendered(news: News, wanted: DeadLetterFilter, console: Console, height: int | None) -> RenderableType:
    if isinstance(news, str):
        return Text(news)
    return render(news, wanted.window_s, Frame(console.width, height, console.options.ascii_only))
