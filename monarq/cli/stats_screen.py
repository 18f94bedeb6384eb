"""Reads queues and shows them: as JSON, as a screen that is refreshed in place, or as text for a pipe."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.live import Live
from rich.text import Text

from monarq.cli.console import open_console, say
from monarq.cli.source import told
from monarq.cli.stats_view import render
from monarq.monitor.stats import QueueStats, known_queues, read_stats
from monarq.shared.connection import UrlSource

REFRESH_S: Final = 1.0

News = list[QueueStats] | str
"""What was read, or why it could not be."""


async def show_once(source: UrlSource, queues: Sequence[str], *, as_json: bool) -> None:
    """Reads and prints the queues; all known ones where none is named.

    Raises:
        RedisError: Redis did not answer.
    """
    async with _client(source) as redis:
        (_print_json if as_json else _print_text)(await _read(redis, queues))


async def watch_stats(source: UrlSource, queues: Sequence[str], *, as_json: bool) -> None:
    """Reads and shows them each second until cancelled; a Redis that goes away later is told of and waited for.

    Raises:
        RedisError: Redis did not answer the first time.
    """
    async with _client(source) as redis:
        with _screen(as_json=as_json) as show:
            show(await _read(redis, queues))
            while True:
                await asyncio.sleep(REFRESH_S)
                show(await _read_or_tell(redis, queues, source.shown))


@asynccontextmanager
async def _client(source: UrlSource) -> AsyncIterator[Redis]:
    redis = source.client()
    try:
        yield redis
    finally:
        await redis.aclose()


async def _read(redis: Redis, queues: Sequence[str]) -> list[QueueStats]:
    return await read_stats(redis, queues or await known_queues(redis))


async def _read_or_tell(redis: Redis, queues: Sequence[str], shown: str) -> News:
    try:
        return await _read(redis, queues)
    except (RedisError, OSError) as error:
        return str(told(error, shown))


@contextmanager
def _screen(*, as_json: bool) -> Iterator[Callable[[News], None]]:
    """How a watch shows what it reads."""
    console = open_console(sys.stdout)
    if as_json or not console.is_terminal:
        yield _print_json if as_json else _print_text
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda news: live.update(
            Text(news) if isinstance(news, str) else render(news, width=console.width), refresh=True
        )


def _print_json(news: News) -> None:
    if isinstance(news, str):
        say(f"monarq: {news}")
        return
    sys.stdout.write(msgspec.json.encode({"queues": news}).decode() + "\n")
    sys.stdout.flush()


def _print_text(news: News) -> None:
    if isinstance(news, str):
        say(f"monarq: {news}")
        return
    console = open_console(sys.stdout)
    console.print(render(news, width=console.width))
