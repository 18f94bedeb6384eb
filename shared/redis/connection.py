"""Connections to Redis: URLs, with and without their secrets, redis-py clients, and errors of connecting.

redis-py is imported with the first connection: a supervisor needs none as long as nothing happens, and the import takes
longer than all the rest of its start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from monarq.shared.errors import RedisUnavailableError, SettingsError

if TYPE_CHECKING:
    import redis
    from redis.asyncio import Redis

DEFAULT_URL: Final = "redis://localhost:6379"
CONNECT_TIMEOUT_S: Final = 2.0
SOCKET_TIMEOUT_S: Final = 5.0
"""A server that is silent for so long counts as gone: otherwise a worker in a network partition would wait for ever."""

C = TypeVar("C", "redis.Redis", "Redis")

_SCHEMES: Final = ("redis", "rediss", "unix")


def redis_url(url: str | None = None) -> str:
    """The Redis URL to use: `url`, else the environment's REDIS_URL, else ``redis://localhost:6379``.

    Raises:
        SettingsError: it is not a Redis URL.
    """
    if url is not None and not isinstance(url, str):
        raise SettingsError(
            f"the URL of the Redis server is a {type(url).__name__}: give text, such as {DEFAULT_URL!r}"
        )
    chosen = url or os.environ.get("REDIS_URL") or DEFAULT_URL
    parts = urlsplit(chosen)
    if parts.scheme not in _SCHEMES:
        shown = f"{parts.scheme}://…" if parts.scheme else "it"
        raise SettingsError(f"no URL of a Redis server: {shown} does not begin with redis://, rediss:// or unix://")
    try:
        _ = parts.port
    except ValueError as error:
        raise SettingsError(f"the Redis URL has a port that is no number from 0 to 65535: {error}") from None
    return chosen


def redacted_url(url: str) -> str:
    """The URL for messages and logs: without user, password and query."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or "localhost"
    return f"{parts.scheme}://{host}:{parts.port or 6379}{parts.path.rstrip('/')}"


def connection_options() -> dict[str, Any]:
    """The options of every connection, blocking or not."""
    return {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_keepalive": True,
    }


def open_redis(url: str, **options: Any) -> Redis:
    """A client for the URL; nothing is connected yet.

    Args:
        url: as `redis_url` returns it.
        options: redis-py's own, which override `connection_options`.

    Raises:
        SettingsError: the URL has an unknown option, or an option with an invalid value.
    """
    from redis.asyncio import Redis

    return _from_url(Redis, url, options)


def _from_url(kind: type[C], url: str, options: dict[str, Any]) -> C:
    from redis.exceptions import RedisError

    merged = connection_options() | options
    if url.startswith("unix://"):
        merged.pop("socket_keepalive")
    try:
        client: C = kind.from_url(url, **merged)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # connects nothing; otherwise the first command would fail
    except (RedisError, TypeError, ValueError) as error:
        raise SettingsError(f"the Redis URL {redacted_url(url)} has an option that cannot be: {error}") from error
    return client


class RedisSource(Protocol):
    """Makes the connections of a worker."""

    @property
    def shown(self) -> str:
        """The server's address for messages and logs, without secrets."""
        ...

    def client(self) -> Redis:
        """A new client with a pool of its own."""
        ...

    def blocking_client(self) -> redis.Redis:
        """A new client for a thread."""
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

    def blocking_client(self) -> redis.Redis:
        """See `RedisSource`."""
        import redis

        return _from_url(redis.Redis, self.url, {})


async def check_redis(client: Redis, shown: str) -> None:
    """Pings Redis.

    Raises:
        RedisUnavailableError: there is no reply, or access is denied; the message says what to check.
    """
    from redis.exceptions import RedisError

    try:
        await client.ping()
    except (TimeoutError, RedisError, OSError) as error:
        raise unavailable_error(error, shown) from error


def needs_password(error: BaseException) -> bool:
    """Whether Redis wants a password and got none; it does not even read a long command to its end."""
    text = str(error)
    return "unauthenticated" in text or "NOAUTH" in text or text.startswith("Authentication required")


def unavailable_error(error: BaseException, where: str) -> RedisUnavailableError:
    """The error that explains to a person why a Redis cannot be used.

    Args:
        error: what redis-py raised.
        where: the server, as `redacted_url` returns it.
    """
    from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError

    # A NotSentError has its reason as the cause.
    reasons = [reason for reason in (error, error.__cause__) if reason is not None]
    if any(map(needs_password, reasons)):
        return RedisUnavailableError(
            f"Redis at {where}: authentication required: give user and password in REDIS_URL"
            " (redis://user:password@host:port)"
        )
    denied = any(isinstance(reason, (AuthenticationError, AuthorizationError, NoPermissionError)) for reason in reasons)
    if denied or "WRONGPASS" in str(error):
        return RedisUnavailableError(
            f"Redis at {where} refused the user or password: check them in REDIS_URL (redis://user:password@host:port)"
        )
    reason = str(error) or type(error).__name__
    return RedisUnavailableError(
        f"Redis at {where} cannot be reached ({reason}): start it, set REDIS_URL,"
        " or try monarq out with --redis embedded"
    )
