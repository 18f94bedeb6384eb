"""`RedisSettings.from_dsn`: a URL means the same as for `Producer`, and what arq reads from it stays."""

from __future__ import annotations

from typing import Any

import arq.connections
import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection

from monarq.arq.client.pool import client_options, make_client
from monarq.arq.connections import RedisSettings, create_pool
from monarq.shared.errors import SettingsError
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.sentinel.pools import PrimaryPool

DSNS: dict[str, dict[str, Any]] = {
    "redis://localhost:6379": {},
    "redis://": {},
    "redis://ann:p%40ss@[::1]:7/3": {"username": "ann", "password": "p@ss", "host": "::1", "port": 7, "db": 3},
    "redis://localhost?db=4&client_name=web&protocol=3": {"db": 4, "client_name": "web", "protocol": "3"},
    "redis://localhost?socket_connect_timeout=7&max_connections=9&health_check_interval=5": {
        "socket_connect_timeout": 7.0,
        "health_check_interval": 5,
    },
    "rediss://localhost?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem&ssl_certfile=/a.pem&ssl_keyfile=/a.key": {
        "ssl_cert_reqs": "none",
        "ssl_ca_certs": "/ca.pem",
        "ssl_certfile": "/a.pem",
        "ssl_keyfile": "/a.key",
    },
    "rediss://localhost?ssl_check_hostname=True": {"ssl_check_hostname": True},
    "unix:///run/redis.sock?db=2": {"path": "/run/redis.sock", "db": 2},
}


@pytest.mark.parametrize(("dsn", "told"), DSNS.items())
def test_what_a_url_says_is_passed_to_redis_py(dsn: str, told: dict[str, Any]) -> None:
    settings = RedisSettings.from_dsn(dsn)
    pool = make_client(settings, client_options(settings)).connection_pool
    asked = open_redis(dsn).connection_pool
    assert issubclass(pool.connection_class, SSLConnection) == dsn.startswith("rediss")
    for name, value in told.items():
        assert pool.connection_kwargs[name] == value
        if name != "socket_connect_timeout":
            assert asked.connection_kwargs[name] == value
    assert pool.max_connections == asked.max_connections


@pytest.mark.parametrize("dsn", [dsn for dsn in DSNS if "%" not in dsn])
def test_what_arq_reads_of_a_url_is_the_same(dsn: str) -> None:
    stock, own = arq.connections.RedisSettings.from_dsn(dsn), RedisSettings.from_dsn(dsn)
    assert isinstance(own, arq.connections.RedisSettings)
    for name in ("host", "port", "database", "username", "password", "ssl", "unix_socket_path"):
        assert getattr(own, name) == getattr(stock, name)


def test_what_is_no_url() -> None:
    for dsn in ("http://localhost", "localhost:6379", ""):
        with pytest.raises(RuntimeError, match="invalid DSN scheme"):
            RedisSettings.from_dsn(dsn)
    with pytest.raises(ValueError, match="max_connections"):
        RedisSettings.from_dsn("redis://localhost?max_connections=many")


async def test_a_client_by_a_url(redis: Redis, redis_url: str) -> None:
    pool = await create_pool(RedisSettings.from_dsn(f"{redis_url}{'&' if '?' in redis_url else '?'}client_name=web"))
    assert await pool.client_getname() == "web"
    await pool.aclose(close_connection_pool=True)


def test_a_url_of_sentinels() -> None:
    settings = RedisSettings.from_dsn("rediss+sentinel://ann:pw@a,[::1]:7/name/2?ssl_ca_certs=/c&sentinel_password=s")
    assert (settings.host, settings.sentinel, settings.sentinel_master) == ([("a", 26379), ("::1", 7)], True, "name")
    pool = make_client(settings, client_options(settings)).connection_pool
    assert isinstance(pool, PrimaryPool)
    assert issubclass(pool.connection_class, SSLConnection)
    told = {"username": "ann", "password": "pw", "db": 2, "ssl_ca_certs": "/c"}
    assert told.items() <= pool.connection_kwargs.items()
    [first, second] = [node.connection_pool.connection_kwargs for node in pool.sentinel_manager.sentinels]
    assert {"host": "a", "port": 26379, "password": "s", "ssl_ca_certs": "/c"}.items() <= first.items()
    assert {"host": "::1", "port": 7, "password": "s"}.items() <= second.items()
    assert first["username"] is None


def test_a_cluster_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot exist on a Redis Cluster"):
        RedisSettings.from_dsn("redis+cluster://host")
