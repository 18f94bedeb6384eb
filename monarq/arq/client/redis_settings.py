"""arq's `RedisSettings` with two more fields: other options from a URL, and options of the sentinels themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

import arq.connections

from monarq.shared.errors import SettingsError
from monarq.shared.redis.addresses import SCHEMES, AddressKind, parse_address
from monarq.shared.redis.opening import sentinel_options, server_options

_OTHER_NAMES: Final = {"path": "unix_socket_path", "db": "database", "socket_connect_timeout": "conn_timeout"}
"""redis-py's names of fields that have a different name in arq."""

_DROPPED: Final = ("decode_responses",)


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
        """Reads a URL like `Producer`: including its query, with ``%40`` for @, and possibly naming sentinels.

        Raises:
            RuntimeError: it is not a Redis URL.
            ValueError: something in it is invalid; for an unknown option its subclass SettingsError.
        """
        if dsn.partition("://")[0].lower() not in SCHEMES:
            raise RuntimeError("invalid DSN scheme")
        address = parse_address(dsn)
        if address.kind is AddressKind.CLUSTER:
            raise SettingsError(
                "a queue in arq's format cannot exist on a Redis Cluster: its keys span many slots, so use a native one"
            )
        named = {_OTHER_NAMES.get(name, name): value for name, value in server_options(address).items()}
        known = {attribute.name for attribute in fields(arq.connections.RedisSettings)}
        options = {name: value for name, value in named.items() if name not in known and name not in _DROPPED}
        own = {name: value for name, value in named.items() if name in known}
        if address.kind is AddressKind.SENTINEL:
            own |= {"host": list(address.nodes), "sentinel": True, "sentinel_master": address.service}
            return cls(**own, ssl=address.tls, options=options, sentinel_kwargs=sentinel_options(address))
        return cls(**own, ssl=address.tls, options=options)


def extra_options(settings: arq.connections.RedisSettings) -> dict[str, Any]:
    """Options beyond arq's, if the settings have any."""
    options: dict[str, Any] = getattr(settings, "options", None) or {}
    return options


def sentinel_options_of(settings: arq.connections.RedisSettings) -> dict[str, Any]:
    """Options of connections to the sentinels, if the settings have any; arq's own class has no such field."""
    options: dict[str, Any] = getattr(settings, "sentinel_kwargs", None) or {}
    return options
