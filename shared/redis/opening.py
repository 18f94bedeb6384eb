"""Makes redis-py clients, async and blocking, for an address; nothing is connected yet."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import redis
from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.connection import parse_url, to_bool
from redis.exceptions import RedisError

from monarq.shared.errors import SettingsError
from monarq.shared.redis.addresses import SENTINEL_PREFIX, AddressKind, Credentials, Node, RedisAddress
from monarq.shared.redis.cluster.opening import open_blocking_cluster, open_cluster
from monarq.shared.redis.sentinel.clients import blocking_primary_client, primary_client

C = TypeVar("C", Redis, redis.Redis)

_UNKNOWN_OPTION: Final = re.compile(r"unexpected keyword argument '(\w+)'")
"""How Python refuses an argument; redis-py's connections take the options of a URL as arguments."""

_WITHOUT_LIMIT: Final = {"max_connections": 2**31}
"""Our clients limit their connections themselves; redis-py 8 would refuse the hundred and first."""


def open_client(address: RedisAddress, options: dict[str, Any]) -> Redis:
    """A client for one event loop.

    Args:
        address: the address; its options override `options`.
        options: redis-py's connection options.

    Raises:
        SettingsError: the address has an option that redis-py does not support, or one with an invalid value.
    """
    try:
        if address.kind is AddressKind.SENTINEL:
            return _checked(primary_client(*_sentinel_arguments(address, options)))
        merged = _merge_options(address, options)
        kind = SSLConnection if address.tls else Connection
        pool = ConnectionPool(UnixDomainSocketConnection if "path" in merged else kind, **merged)
        client = _checked(Redis.from_pool(pool))
        return open_cluster(address, client, merged) if address.kind is AddressKind.CLUSTER else client
    except (RedisError, TypeError, ValueError) as error:
        raise _invalid_option(address, error) from error


def open_blocking_client(address: RedisAddress, options: dict[str, Any]) -> Any:
    """A client for threads, as far as scripts need it; otherwise as `open_client`."""
    try:
        if address.kind is AddressKind.SENTINEL:
            return _checked(blocking_primary_client(*_sentinel_arguments(address, options)))
        merged = _merge_options(address, options)
        kind = redis.SSLConnection if address.tls else redis.Connection
        pool = redis.ConnectionPool(redis.UnixDomainSocketConnection if "path" in merged else kind, **merged)
        client = _checked(redis.Redis.from_pool(pool))
        return open_blocking_cluster(address, client) if address.kind is AddressKind.CLUSTER else client
    except (RedisError, TypeError, ValueError) as error:
        raise _invalid_option(address, error) from error


def server_options(address: RedisAddress) -> dict[str, Any]:
    """redis-py's connection options for the servers, from the address.

    Raises:
        ValueError: an option has an invalid value.
    """
    options = _typed(address.options) | _named(address.credentials) | {"db": address.db}
    if address.kind is AddressKind.UNIX:
        options["path"] = address.path
    if address.kind is AddressKind.SERVER:
        [(options["host"], options["port"])] = address.nodes
    return options


def sentinel_options(address: RedisAddress) -> dict[str, Any]:
    """The options for connections to the sentinels. The URL's certificate options apply to them too.

    Raises:
        ValueError: an option has an invalid value.
    """
    certificates = tuple((name, value) for name, value in address.options if name.startswith("ssl_"))
    options = _typed(certificates + address.sentinel_options) | _named(address.sentinel_credentials)
    options["ssl"] = address.tls and to_bool(options.get("ssl", True)) is not False  # type: ignore[no-untyped-call]
    return {name: value for name, value in options.items() if options["ssl"] or not name.startswith("ssl_")}


def _merge_options(address: RedisAddress, options: dict[str, Any]) -> dict[str, Any]:
    merged = _WITHOUT_LIMIT | options | server_options(address)
    if address.kind is AddressKind.UNIX:
        merged.pop("socket_keepalive", None)
    return merged


def _sentinel_arguments(
    address: RedisAddress, options: dict[str, Any]
) -> tuple[tuple[Node, ...], str, dict[str, Any], dict[str, Any]]:
    """The arguments of `primary_client`."""
    merged = _merge_options(address, options) | {"ssl": address.tls}
    return address.nodes, address.service, merged, sentinel_options(address)


def _typed(options: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """The options, with values converted to the types that redis-py expects."""
    return dict(parse_url(f"redis://?{urlencode(options)}"))  # type: ignore[no-untyped-call]


def _named(credentials: Credentials) -> dict[str, Any]:
    named = {"username": credentials.username, "password": credentials.password}
    return {name: value for name, value in named.items() if value is not None}


def _checked(client: C) -> C:
    """Makes a connection without connecting it, so that invalid options are found now and not by the first command."""
    pool = client.connection_pool
    pool.connection_class(**pool.connection_kwargs)
    for sentinel in pool.sentinel_manager.sentinels if hasattr(pool, "sentinel_manager") else ():
        _checked(sentinel)
    return client


def _invalid_option(address: RedisAddress, error: Exception) -> SettingsError:
    unknown = _UNKNOWN_OPTION.search(str(error))
    if unknown is None:
        return SettingsError(f"the Redis URL {address.shown} has an invalid option: {error}")
    name = unknown[1]
    if name in dict(address.sentinel_options):
        name = f"{SENTINEL_PREFIX}{name}"
    return SettingsError(
        f"the Redis URL {address.shown} has an option {name} after the ?, which redis-py does not support: check its"
        " spelling"
    )
