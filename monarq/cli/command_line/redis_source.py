"""The Redis of a command: from --redis, from the environment, or a private one that runs as long as the command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from monarq.cli.terminal.console import say

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from monarq.shared.redis.connection import UrlSource

EMBEDDED: Final = "embedded"

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

    Raises:
        EmbeddedRedisError: no private Redis could be started.
    """
    if url != EMBEDDED:
        yield url
        return
    from monarq.embedded import EmbeddedRedis

    with EmbeddedRedis() as server:
        for note in server.notes:
            say(f"monarq: warning: {' '.join(note.split())}")
        if server.kind == "fakeredis":
            say("monarq: warning: no redis-server found, using fakeredis instead; do not use it in production")
        say(f"monarq: embedded Redis, which is stopped when this command ends: {server.description}")
        yield server.url


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
