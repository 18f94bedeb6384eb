"""Connections to Redis: URLs, with and without their secrets, and redis-py clients.

redis-py is imported with the first connection: a supervisor does not connect while nothing happens, and the import
takes longer than the rest of its start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from monarq.shared.errors import SettingsError
from monarq.shared.redis.addresses import parse_address
from monarq.shared.redis.replies import PROTOCOL
from monarq.shared.redis.url_setting import DEFAULT_URL as DEFAULT_URL
from monarq.shared.settings.project import find_project

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT_TIMEOUT_S: Final = 2.0
SOCKET_TIMEOUT_S: Final = 5.0
"""A server that is silent for this long counts as gone, or a worker in a network partition would wait forever."""


EMBEDDED: Final = "embedded"
"""In place of a URL: a private Redis that a command starts, for as long as it runs."""

EMBEDDED_VARIABLE: Final = "MONARQ_EMBEDDED_URL"
"""The variable by which such a command tells the processes that it starts where that Redis is."""


def redis_url(url: str | None = None) -> str:
    """The Redis URL to use: `url`, else MONARQ_REDIS, else `fallback_url`, else ``redis://localhost:6379``.

    Leading and trailing whitespace is removed.

    Raises:
        SettingsError: it is not a Redis URL, or pyproject.toml has an invalid setting; the message names where the URL
            comes from.
    """
    if url is not None and not isinstance(url, str):
        raise SettingsError(f"the Redis URL is a {type(url).__name__}: give text, such as {DEFAULT_URL!r}")
    given, own = (url or "").strip(), environment_url()
    chosen = given or own or fallback_url() or DEFAULT_URL
    try:
        parse_address(chosen)
    except SettingsError as error:
        source = "" if given and given != own else _source_of(chosen)  # an option's value may be its variable's
        raise SettingsError(f"{source and f'{source}: '}{error}") from None
    return chosen


def _source_of(url: str) -> str:
    """The setting that a URL comes from if the program did not give it."""
    if url == environment_url():
        return "the environment variable MONARQ_REDIS"
    project = find_project()
    if project.get("", "redis"):
        return f"{project.path}: [tool.monarq] redis"
    return "the environment variable REDIS_URL"


def environment_url() -> str:
    """The value of MONARQ_REDIS; '' if it is not set."""
    return os.environ.get("MONARQ_REDIS", "").strip()


def fallback_url() -> str | None:
    """The Redis URL if the program gives none: from pyproject.toml, else from REDIS_URL, if any.

    Raises:
        SettingsError: pyproject.toml has an invalid setting.
    """
    of_project = find_project().get("", "redis")
    if of_project == EMBEDDED:
        return os.environ.get(EMBEDDED_VARIABLE) or EMBEDDED
    return of_project or os.environ.get("REDIS_URL", "").strip() or None


def project_is_embedded() -> bool:
    """Whether pyproject.toml tells commands to start a private Redis.

    Raises:
        SettingsError: pyproject.toml has an invalid setting.
    """
    return bool(find_project().get("", "redis") == EMBEDDED)


def redacted_url(url: str) -> str:
    """The URL for messages and logs: without user, password and query."""
    return parse_address(url).shown


def connection_options() -> dict[str, Any]:
    """The options of every connection, blocking or not."""
    return {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_keepalive": True,
        "protocol": PROTOCOL,
    }


def open_redis(url: str, **options: Any) -> Redis:
    """A client for the URL; nothing is connected yet.

    Args:
        url: as `redis_url` returns it.
        options: redis-py's options, which override `connection_options`.

    Raises:
        SettingsError: the URL has an unknown option, or an option with an invalid value.
    """
    from monarq.shared.redis.opening import open_client

    return open_client(parse_address(url), connection_options() | options)


class RedisSource(Protocol):
    """Makes the connections of a worker."""

    @property
    def shown(self) -> str:
        """The server's address for messages and logs, without secrets."""
        ...

    def client(self) -> Redis:
        """A new client with its own pool."""
        ...

    def blocking_client(self) -> Any:
        """A new client for a thread: a `redis.Redis`, or its replacement on a cluster."""
        ...


@dataclass(frozen=True, slots=True)
class UrlSource:
    """Makes connections to the Redis at a URL."""

    url: str

    def __repr__(self) -> str:
        return f"UrlSource({self.shown})"

    @property
    def shown(self) -> str:
        """See `RedisSource`."""
        return redacted_url(self.url)

    def client(self) -> Redis:
        """See `RedisSource`."""
        return open_redis(self.url)

    def blocking_client(self) -> Any:
        """See `RedisSource`."""
        from monarq.shared.redis.opening import open_blocking_client

        return open_blocking_client(parse_address(self.url), connection_options())


async def check_redis(client: Redis, shown: str) -> None:
    """Pings Redis.

    Raises:
        RedisUnavailableError: there is no reply, or access is denied; the message says what to check.
        RedisRefusedError: it refuses the connection, for example because the database does not exist.
    """
    from monarq.shared.redis.redis_errors import REDIS_ERRORS, explain

    try:
        await client.ping()
    except REDIS_ERRORS as error:
        raise explain(error, shown) from error
