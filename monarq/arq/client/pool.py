"""Redis clients created from arq's ``RedisSettings``: by `create_pool`, and for the worker itself, blocking or not.

All of `RedisSettings` also applies to Sentinel, where arq drops everything but the password.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import redis
from arq.connections import RedisSettings
from arq.constants import default_queue_name, expires_extra_ms
from arq.jobs import Deserializer, Serializer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.arq.client.arq_redis import ArqRedis
from monarq.arq.client.redis_settings import extra_options, sentinel_options_of
from monarq.shared.errors import SettingsError
from monarq.shared.redis.addresses import Node
from monarq.shared.redis.connection import connection_options
from monarq.shared.redis.sentinel.clients import blocking_primary_client, primary_client
from monarq.shared.text.loggers import get_logger

_SSL = ("ssl_keyfile", "ssl_certfile", "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_data", "ssl_check_hostname")

logger = get_logger("arq.connections")


class SentinelHostError(SettingsError, RuntimeError):
    """`sentinel` is set, but `host` is not a list of sentinels; also a RuntimeError, which arq raises."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"str provided for 'host' but 'sentinel' is true; list of sentinels expected: redis_settings.host is"
            f" {host!r}, give a list of (host, port)"
        )


def shown_settings(settings: RedisSettings) -> str:
    """The server's address without secrets, for people and logs."""
    if settings.sentinel:
        return f"redis master {settings.sentinel_master!r} by sentinels {settings.host}"
    if settings.unix_socket_path:
        return f"unix://{settings.unix_socket_path}"
    return f"{'rediss' if settings.ssl else 'redis'}://{settings.host}:{settings.port}/{settings.database}"


def server_options(settings: RedisSettings) -> dict[str, Any]:
    """redis-py's options for the server's address and login; neither timeouts nor retries.

    Raises:
        SettingsError: `sentinel` is set, and `host` is not a list of sentinels.
    """
    if settings.sentinel and isinstance(settings.host, str):
        raise SentinelHostError(settings.host)
    options: dict[str, Any] = {
        "db": settings.database,
        "username": settings.username,
        "password": settings.password,
        "encoding": "utf8",
        "ssl": settings.ssl,
    }
    if settings.ssl:
        options |= {name: getattr(settings, name) for name in _SSL}
    if not settings.sentinel:
        options |= {"host": settings.host, "port": settings.port, "unix_socket_path": settings.unix_socket_path}
    return options | extra_options(settings)


def worker_options(settings: RedisSettings) -> dict[str, Any]:
    """More options for the worker's own connections: a silent server counts as gone, and redis-py retries nothing.

    A claim retried by redis-py would lease jobs that nobody knows of; callers retry their calls themselves.
    """
    return connection_options() | {"socket_connect_timeout": settings.conn_timeout}


def client_options(settings: RedisSettings) -> dict[str, Any]:
    """More options for clients that users get: the user's own, and no timeout, since they may use blocking commands."""
    options: dict[str, Any] = {
        "socket_connect_timeout": settings.conn_timeout,
        "socket_keepalive": True,
        "retry_on_timeout": settings.retry_on_timeout,
        "max_connections": settings.max_connections,
    }
    if settings.retry_on_error is not None:
        options["retry_on_error"] = list(settings.retry_on_error)
    if settings.retry is not None:
        options["retry"] = settings.retry
    return options


def make_client(settings: RedisSettings, options: dict[str, Any], kind: type[Redis] = Redis) -> Redis:
    """Creates a client of the given class; nothing is connected yet.

    Raises:
        SettingsError: see `server_options`.
    """
    merged = server_options(settings) | options
    if settings.sentinel:
        return primary_client(
            _sentinels(settings), settings.sentinel_master, merged, sentinel_options_of(settings), kind
        )
    return kind(**merged)


def make_blocking_client(settings: RedisSettings, options: dict[str, Any]) -> redis.Redis:
    """Makes a blocking client, for threads."""
    merged = server_options(settings) | options
    if settings.sentinel:
        own = sentinel_options_of(settings)
        return blocking_primary_client(_sentinels(settings), settings.sentinel_master, merged, own)
    return redis.Redis(**merged)


def _sentinels(settings: RedisSettings) -> list[Node]:
    """Their addresses: `server_options` has refused a text."""
    return cast("list[Node]", settings.host)


async def create_pool(
    settings_: RedisSettings | None = None,
    *,
    retry: int = 0,
    job_serializer: Serializer | None = None,
    job_deserializer: Deserializer | None = None,
    default_queue_name: str = default_queue_name,
    expires_extra_ms: int = expires_extra_ms,
) -> ArqRedis:
    """Creates a client and waits until it is connected.

    Args:
        settings_: the address of Redis and its options. Default: localhost:6379.
        retry: how many attempts already count as failed.
        job_serializer: writes jobs. Default: pickle.
        job_deserializer: reads results. Default: pickle, and the msgpack of monarq's own producers.
        default_queue_name: the queue of jobs that name none.
        expires_extra_ms: how many ms after it is due a job may still be started.

    Raises:
        RedisError: `conn_retries` more attempts, `conn_retry_delay` seconds apart, did not connect either.
        SettingsError: `sentinel` is set, and `host` is not a list of sentinels.
    """
    settings = RedisSettings() if settings_ is None else settings_
    pool = cast("ArqRedis", make_client(settings, client_options(settings), ArqRedis))
    pool.job_serializer = job_serializer
    pool.job_deserializer = job_deserializer
    pool.default_queue_name = default_queue_name
    pool.expires_extra_ms = expires_extra_ms
    try:
        await _connect(pool.ping, settings, retry)
    except BaseException:
        await pool.aclose(close_connection_pool=True)
        raise
    return pool


async def _connect(ping: Callable[[], Any], settings: RedisSettings, failed: int) -> None:
    while True:
        try:
            await ping()
        except (RedisError, OSError) as error:
            if failed >= settings.conn_retries:
                raise
            logger.warning(
                "redis connection error %s:%s %s %s, %s retries remaining...",
                settings.host,
                settings.port,
                error.__class__.__name__,
                error,
                settings.conn_retries - failed,
            )
            await asyncio.sleep(settings.conn_retry_delay)
            failed += 1
        else:
            if failed:
                logger.info("redis connection successful")
            return
