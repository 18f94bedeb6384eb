"""The Redis of a command: from the option --redis, from the environment, or a private one while the command runs."""

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
    help="The Redis to use: redis://, rediss:// or unix://, redis+sentinel://host:26379/service, redis+cluster://host:6379,"
    " or 'embedded' for a private one that lives as long as this command. Default: that of [tool.monarq] in"
    " pyproject.toml, else the environment's REDIS_URL, else redis://localhost:6379. A password is better kept in the"
    " environment: everybody can see a command line.",
)


@contextmanager
def open_url(url: str | None) -> Iterator[str | None]:
    """The given URL, or that of a private Redis, which is started and announced, and ends with the block.

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
            say("monarq: warning: there is no redis-server here: fakeredis stands in for it. Never for real work.")
        say(f"monarq: embedded Redis, gone when this command ends: {server.description}")
        yield server.url


@contextmanager
def open_source(url: str | None) -> Iterator[UrlSource]:
    """A command's Redis; an error of it inside the block is raised again with a message for people.

    Raises:
        SettingsError: it is not the URL of a Redis.
        RedisUnavailableError: Redis could not be reached, or did not let us in.
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
    """Runs a command's action with its Redis; returns the exit code.

    Raises:
        MonarqError: as `open_source`, and whatever the action raises.
    """
    import asyncio

    with open_source(url) as source:
        return asyncio.run(action(source))


@asynccontextmanager
async def open_client(source: UrlSource) -> AsyncIterator[Redis]:
    """A client for the length of a block."""
    redis = source.client()
    try:
        yield redis
    finally:
        await redis.aclose()
