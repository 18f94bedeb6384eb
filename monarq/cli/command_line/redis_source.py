"""The Redis of a command: from --redis, from the environment, or a private one that runs as long as the command."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import click

from monarq.cli.terminal.console import say

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from monarq.shared.redis.connection import UrlSource

redis_option = click.option(
    "--redis",
    metavar="URL|embedded",
    envvar="MONARQ_REDIS",
    help="The URL of Redis: redis://, rediss://, unix://, redis+sentinel://host:26379/service or"
    " redis+cluster://host:6379; or 'embedded' for a private Redis that runs as long as this command. Default:"
    " [tool.monarq] in pyproject.toml, else $REDIS_URL, else redis://localhost:6379. Keep passwords in the environment:"
    " other users can see a command line.",
)


@contextmanager
def open_url(url: str | None) -> Iterator[str | None]:
    """The given URL, or that of a private Redis, which is started, announced, and stopped at the end of the block.

    If pyproject.toml asks for a private one, it is that of all who are given no other: None stays None.

    Raises:
        EmbeddedRedisError: no private Redis could be started.
    """
    if not is_embedded(url):
        yield url
        return
    from monarq.embedded import EmbeddedRedis
    from monarq.shared.redis.connection import EMBEDDED, EMBEDDED_VARIABLE

    with EmbeddedRedis() as server:
        for note in server.notes:
            say(f"monarq: warning: {' '.join(note.split())}")
        if server.kind == "fakeredis":
            say("monarq: warning: no redis-server found, using fakeredis instead; do not use it in production")
        say(f"monarq: embedded Redis, which is stopped when this command ends: {server.description}")
        if url == EMBEDDED:
            yield server.url
            return
        os.environ[EMBEDDED_VARIABLE] = server.url
        try:
            yield url
        finally:
            del os.environ[EMBEDDED_VARIABLE]


def is_embedded(url: str | None) -> bool:
    """Whether a command starts a private Redis, as it is told to or as pyproject.toml says.

    Raises:
        SettingsError: pyproject.toml has an invalid setting.
    """
    from monarq.shared.redis.connection import EMBEDDED, project_is_embedded

    return url == EMBEDDED or (not url and project_is_embedded())


@contextmanager
def open_source(url: str | None) -> Iterator[UrlSource]:
    """A command's Redis; its errors inside the block are re-raised with a message for users.

    Raises:
        SettingsError: the URL is not one of a Redis.
        RedisUnavailableError: Redis could not be reached, or refused the login.
        RedisRefusedError: Redis refused a command.
    """
    from redis.exceptions import RedisError

    from monarq.shared.redis.connection import UrlSource, redis_url
    from monarq.shared.redis.redis_errors import explain

    with open_url(url) as found:
        source = UrlSource(redis_url(found))
        try:
            yield source
        except RedisError as error:
            raise explain(error, source.shown) from error


def run_action(url: str | None, action: Callable[[UrlSource], Coroutine[Any, Any, int]]) -> int:
    """Runs a command's action with its Redis and returns the exit code.

    Raises:
        MonarqError: as in `open_source`, or raised by the action.
    """
    import asyncio

    with open_source(url) as source:
        return asyncio.run(action(source))


@asynccontextmanager
async def open_client(source: UrlSource) -> AsyncIterator[Redis]:
    """A client that is closed at the end of the block."""
    redis = source.client()
    try:
        yield redis
    finally:
        await redis.aclose()
