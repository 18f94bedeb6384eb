"""The worker's own connections, made from arq's `RedisSettings` or from the pool of a user's client."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import arq
import pytest
import redis as blocking
from arq.connections import RedisSettings
from redis.asyncio import ConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

import monarq.arq
from monarq.arq.settings.connection import SettingsSource
from monarq.embedded import EmbeddedRedis, list_servers
from monarq.shared.redis.pool_source import PoolSource
from monarq.shared.redis.private_pool import PrivatePool
from tests.arq import jobs
from tests.arq.workers import burst, until
from tests.support.slowness import patience_s

REPEATING = {"retry": Retry(NoBackoff(), 3), "retry_on_timeout": True, "retry_on_error": [blocking.ConnectionError]}


def options_of(client: Redis | blocking.Redis) -> dict[str, Any]:
    return client.connection_pool.connection_kwargs


def check_patience(options: dict[str, Any]) -> None:
    """A silent server is taken for gone, and redis-py repeats nothing."""
    assert options["socket_timeout"] == 5.0
    assert not options.get("retry_on_error")
    assert not options.get("retry_on_timeout")
    assert options.get("retry") is None


def test_settings_become_both_kinds_of_clients() -> None:
    settings = RedisSettings(
        "example", 7000, database=3, username="me", password="secret", conn_timeout=7, max_connections=2, **REPEATING
    )
    source = SettingsSource(settings)
    assert source.shown == "redis://example:7000/3"
    assert "secret" not in repr(source)
    for client in (source.client(), source.blocking_client()):
        options = options_of(client)
        check_patience(options)
        assert options["socket_connect_timeout"] == 7
        assert options["socket_keepalive"] is True
        assert (options["host"], options["port"], options["db"]) == ("example", 7000, 3)
        assert (options["username"], options["password"]) == ("me", "secret")


def test_ssl_settings(tmp_path: Path) -> None:
    settings = RedisSettings(
        "example", ssl=True, ssl_ca_certs=str(tmp_path / "ca"), ssl_cert_reqs="none", ssl_check_hostname=False
    )
    source = SettingsSource(settings)
    assert source.shown == "rediss://example:6379/0"
    client, in_thread = source.client(), source.blocking_client()
    assert client.connection_pool.connection_class is SSLConnection
    assert in_thread.connection_pool.connection_class is blocking.SSLConnection
    for options in (options_of(client), options_of(in_thread)):
        assert (options["ssl_ca_certs"], options["ssl_cert_reqs"]) == (str(tmp_path / "ca"), "none")
    pooled = PoolSource(client.connection_pool).blocking_client()
    assert pooled.connection_pool.connection_class is blocking.SSLConnection
    assert options_of(pooled)["ssl_ca_certs"] == str(tmp_path / "ca")


def test_a_clients_options_are_taken_over_and_its_repeating_is_not() -> None:
    pool = ConnectionPool.from_url("redis://me:secret@example:7000/3?socket_connect_timeout=7", decode_responses=True)
    pool.connection_kwargs.update(REPEATING)
    source = PoolSource(pool)
    assert source.shown == "redis://example:7000/3"
    assert "secret" not in repr(source)
    for client in (source.client(), source.blocking_client()):
        options = options_of(client)
        check_patience(options)
        assert options["socket_connect_timeout"] == 7
        assert (options["host"], options["db"], options["password"]) == ("example", 3, "secret")
        assert not options.get("decode_responses")


async def test_each_source_works_in_the_loop_and_in_a_thread(redis_settings: RedisSettings) -> None:
    made = arq.ArqRedis(unix_socket_path=redis_settings.unix_socket_path, **REPEATING)
    for source in (SettingsSource(redis_settings), PoolSource(made.connection_pool)):
        assert source.shown == f"unix://{redis_settings.unix_socket_path}"
        client = source.client()
        await client.set("test:seen", source.shown, px=60_000)
        in_thread = source.blocking_client()
        assert await asyncio.to_thread(in_thread.get, "test:seen") == source.shown.encode()
        in_thread.close()
        await client.aclose()


async def test_create_pool_repeats_to_connect_and_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # nobody listens
        settings = RedisSettings("127.0.0.1", bound.getsockname()[1], conn_retries=2, conn_retry_delay=0)
        with pytest.raises(RedisError):
            await monarq.arq.create_pool(settings)
    lines = [record.getMessage() for record in caplog.records if record.name == "arq.connections"]
    assert len(lines) == 2
    assert lines[0].startswith(f"redis connection error 127.0.0.1:{settings.port} ConnectionError ")
    assert lines[0].endswith(" 2 retries remaining...")
    assert lines[1].endswith(" 1 retries remaining...")


OPEN = "user default on nopass ~* &* +@all\n"
"""As a sentinel is without a word."""

LOGIN = {"username": "ann", "password": "secret"}
LOCKED = "user default off\nuser ann on >secret ~* &* +@all\n"


@pytest.fixture(params=[OPEN, LOCKED], ids=["open", "with a login of its own"])
async def sentinel(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RedisSettings]:
    """A master, and a sentinel that watches it."""
    binary = next(server.path for server in list_servers() if server.path is not None)
    with EmbeddedRedis(port=0) as master, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        config = tmp_path / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
            f"sentinel monitor mymaster 127.0.0.1 {urlsplit(master.url).port} 1\n{request.param}"
        )
        process = await asyncio.create_subprocess_exec(binary, str(config), "--sentinel", stdout=subprocess.DEVNULL)
        try:
            await until(lambda: asyncio.to_thread(answers, port))
            own = LOGIN if request.param == LOCKED else None
            yield monarq.arq.connections.RedisSettings([("127.0.0.1", port)], sentinel=True, sentinel_kwargs=own)
        finally:
            process.terminate()
            await process.wait()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


async def test_a_worker_finds_its_server_by_a_sentinel(sentinel: RedisSettings) -> None:
    assert SettingsSource(sentinel).shown.startswith("redis master 'mymaster' by sentinels")
    pool = await monarq.arq.create_pool(sentinel)
    job = await pool.enqueue_job("add", 1, 2)
    assert job is not None
    by_settings = await burst(pool, redis_pool=None, redis_settings=sentinel)
    assert by_settings.jobs_complete == 1
    assert await job.result(timeout=patience_s(5)) == 3
    await by_settings.close()
    again = await pool.enqueue_job("add", 3, 4)
    assert (await burst(pool, [jobs.add])).jobs_complete == 1
    assert again is not None
    assert await again.result(timeout=patience_s(5)) == 7
    await pool.aclose(close_connection_pool=True)


async def test_a_private_pool_keeps_a_sentinels_alive() -> None:
    client = SettingsSource(RedisSettings([("127.0.0.1", 1)], sentinel=True)).client()
    like = client.connection_pool
    assert PrivatePool.like(client).connection_kwargs["connection_pool"] is like
