"""arq's `RedisSettings`, and what they have no word for: a URL's options, and a login of the sentinels' own."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, Self, cast

import arq.connections
from redis.asyncio.connection import parse_url

_OTHER_NAMES: Final = {"path": "unix_socket_path", "db": "database", "socket_connect_timeout": "conn_timeout"}
"""redis-py's names of what arq calls otherwise."""

_NOT_OURS: Final = ("connection_class", "decode_responses")


@dataclass(repr=False)
class RedisSettings(arq.connections.RedisSettings):
    """Where Redis is, as arq has it.

    Attributes:
        options: further options of redis-py's connections, such as ``client_name``.
        sentinel_kwargs: what the sentinels themselves are connected to with, as redis-py has it: ``username``,
            ``password``, ``ssl`` and so on. Default: nothing of the master's.
    """

    options: dict[str, Any] = field(default_factory=dict)
    sentinel_kwargs: dict[str, Any] | None = None

    @classmethod
    def from_dsn(cls, dsn: str) -> Self:
        """The settings that a URL tells, read as redis-py and `Producer` read it: its query counts, and ``%40`` is a @.

        Raises:
            RuntimeError: it is no URL of Redis.
            ValueError: an option in it has a value that it cannot have.
        """
        if not dsn.startswith(("redis://", "rediss://", "unix://")):
            raise RuntimeError("invalid DSN scheme")
        told = cast("dict[str, Any]", parse_url(dsn))
        named = {_OTHER_NAMES.get(name, name): value for name, value in told.items() if name not in _NOT_OURS}
        known = {attribute.name for attribute in fields(arq.connections.RedisSettings)}
        options = {name: value for name, value in named.items() if name not in known}
        own = {name: value for name, value in named.items() if name in known}
        return cls(**own, ssl=dsn.startswith("rediss://"), options=options)


def further_options(settings: arq.connections.RedisSettings) -> dict[str, Any]:
    """Options beyond arq's, where the settings have some."""
    options: dict[str, Any] = getattr(settings, "options", None) or {}
    return options


def sentinels_options(settings: arq.connections.RedisSettings) -> dict[str, Any]:
    """What the sentinels are connected to with, where the settings say so; arq's own have no word for it."""
    options: dict[str, Any] = getattr(settings, "sentinel_kwargs", None) or {}
    return options
