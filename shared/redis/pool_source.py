"""A worker's source of Redis connections that is based on the pool of a user's client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import redis
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from monarq.shared.redis.connection import connection_options
from monarq.shared.redis.private_pool import shown_pool
from monarq.shared.redis.sentinel.clients import blocking_primary_client, primary_client

_DROPPED: Final = (
    "connection_pool",  # a sentinel pool contains itself
    "decode_responses",  # the worker reads bytes
    "encoder_class",
    "event_dispatcher",
    "parser_class",  # asyncio's parsers do not fit blocking connections
    "redis_connect_func",
    "retry",  # callers retry themselves
    "retry_on_error",
    "retry_on_timeout",
)


@dataclass(frozen=True, slots=True)
class PoolSource:
    """The worker's own connections to the server of a user's pool; the pool itself is left to the user's jobs."""

    pool: ConnectionPool = field(repr=False)

    @property
    def shown(self) -> str:
        """See `RedisSource`."""
        return shown_pool(self.pool)

    def client(self) -> Redis:
        """See `RedisSource`."""
        if isinstance(self.pool, SentinelConnectionPool):
            return primary_client(*self._sentinels())
        return Redis.from_pool(ConnectionPool(self.pool.connection_class, **self._options()))

    def blocking_client(self) -> redis.Redis:
        """See `RedisSource`."""
        if isinstance(self.pool, SentinelConnectionPool):
            return blocking_primary_client(*self._sentinels())
        return redis.Redis.from_pool(redis.ConnectionPool(_blocking_class(self.pool), **self._options()))

    def _options(self) -> dict[str, Any]:
        given = {name: value for name, value in self.pool.connection_kwargs.items() if name not in _DROPPED}
        options = connection_options()
        if not _is_fake(kind := self.pool.connection_class) and issubclass(kind, UnixDomainSocketConnection):
            options.pop("socket_keepalive")
        # Only the timeout for connecting is the user's; a silent server counts as gone after ours.
        if given.get("socket_connect_timeout"):
            options.pop("socket_connect_timeout")
        return given | options

    def _sentinel_options(self) -> dict[str, Any]:
        return self._options() | {"ssl": issubclass(self.pool.connection_class, SSLConnection)}

    def _sentinels(self) -> tuple[list[tuple[str, int]], str, dict[str, Any], Mapping[str, Any]]:
        """The arguments of `primary_client`: the pool's sentinels, its master's name, and the options of both."""
        pool: Any = self.pool
        manager: Sentinel = pool.sentinel_manager
        nodes = [node.connection_pool.connection_kwargs for node in manager.sentinels]
        hosts = [(options["host"], options["port"]) for options in nodes]
        own = {name: value for name, value in manager.sentinel_kwargs.items() if name not in _DROPPED}
        return hosts, pool.service_name, self._sentinel_options(), own


def _is_fake(kind: type) -> bool:
    """Whether this connection class is fakeredis' own, which may not even be a class."""
    return kind.__module__.startswith("fakeredis.")


def _blocking_class(pool: ConnectionPool) -> type[redis.Connection]:
    """The blocking counterpart of the class of the pool's connections."""
    kind = pool.connection_class
    if _is_fake(kind):
        from fakeredis import FakeConnection

        return cast("type[redis.Connection]", FakeConnection)
    if issubclass(kind, UnixDomainSocketConnection):
        return cast("type[redis.Connection]", redis.UnixDomainSocketConnection)
    return redis.SSLConnection if issubclass(kind, SSLConnection) else redis.Connection
