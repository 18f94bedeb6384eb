"""arq's `RedisSettings` with two more fields: further options of a URL, and options of the sentinels themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, Self, cast

import arq.connections
from redis.asyncio.connection import parse_url

_OTHER_NAMES: Final = {"path": "unix_socket_path", "db": "database", "socket_connect_timeout": "conn_timeout"}
"""redis-py's names of fields that have another name in arq."""

_DROPPED: Final = ("connection_class", "decode_responses")


@dataclass(repr=False)
class RedisSettings(arq.connections.RedisSettings):
    """The address of Redis and the options of its connections, as in arq.

    Attributes:
        options: further options of redis-py's connections, such as ``client_name``.
        sentinel_kwargs: options of connections to the sentinels themselves, as in redis-py: ``username``, ``password``,
            ``ssl`` and so on. Default: none of the master's.
    """

    options: dict[str, Any] = field(default_factory=dict)
    sentinel_kwargs: dict[str, Any] | None = None

    @classmethod
    def from_dsn(cls, dsn: str) -> Self:
        """Reads a URL as redis-py and `Producer` do: its query counts, and ``%40`` is a @.

        Raises:
            RuntimeError: it is no URL of Redis.
            ValueError: an option in it has an invalid value.
        """
        if not dsn.startswith(("redis://", "rediss://", "unix://")):
            raise RuntimeError("invalid DSN scheme")
        parsed = cast("dict[str, Any]", parse_url(dsn))
        named = {_OTHER_NAMES.get(name, name): value for name, value in parsed.items() if name not in _DROPPED}
        known = {attribute.name for attribute in fields(arq.connections.RedisSettings)}
        options = {name: value for name, value in named.items() if name not in known}
        own = {name: value for name, value in named.items() if name in known}
        return cls(**own, ssl=dsn.startswith("rediss://"), options=options)


def extra_options(settings: arq.connections.RedisSettings) -> dict[str, Any]:
    """Options beyond arq's, if the settings have any."""
    options: dict[str, Any] = getattr(settings, "options", None) or {}
    return options


def sentinel_options(settings: arq.connections.RedisSettings) -> dict[str, Any]:
    """Options of connections to the sentinels, if the settings have any; arq's own class has no such field."""
    options: dict[str, Any] = getattr(settings, "sentinel_kwargs", None) or {}
    return options
