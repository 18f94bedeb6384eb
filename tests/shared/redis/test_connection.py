"""Redis connections: which URLs are taken, that no secret of theirs is shown, and what an error says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.errors import RedisRefusedError, RedisUnavailableError, SettingsError
from monarq.shared.redis.connection import (
    DEFAULT_URL,
    UrlSource,
    check_redis,
    open_redis,
    redacted_url,
    redis_url,
)
from monarq.shared.redis.unavailable import unavailable_error
from monarq.shared.settings.project import _project_at


@pytest.mark.parametrize(
    ("given", "environment", "chosen"),
    [
        ("rediss://a:1/2", "redis://b", "rediss://a:1/2"),
        (None, "unix:///run/redis.sock", "unix:///run/redis.sock"),
        (None, "", DEFAULT_URL),
        ("", None, DEFAULT_URL),
        ("redis://a:1\n", None, "redis://a:1"),
        (None, " redis://a:1\n", "redis://a:1"),
        (None, "\n", DEFAULT_URL),
    ],
)
def test_the_url_to_use(
    given: str | None, environment: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    if environment is not None:
        monkeypatch.setenv("REDIS_URL", environment)
    assert redis_url(given) == chosen


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://secret@host", "not a Redis URL: it must begin with redis://.* or unix://, not http://"),
        ("host:6379", "must begin with redis://"),
        ("embedded", "is a private Redis that only monarq.s commands start; `monarq redis` runs one with a URL"),
        ("redis://host:70000", "port that is not a number from 1 to 65535"),
        (5, "is a int: give text"),
    ],
)
def test_no_url_of_redis(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        redis_url(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@host:7000/3?client_name=secret", "redis://host:7000/3"),
        ("rediss://:secret@host", "rediss://host:6379"),
        ("redis://:secret@[::1]:6380/1", "redis://[::1]:6380/1"),
        ("redis://", "redis://localhost:6379"),
        ("unix://user:secret@/run/redis.sock?db=1", "unix:///run/redis.sock"),
    ],
)
def test_no_secret_of_a_url_is_shown(url: str, shown: str) -> None:
    assert redacted_url(url) == shown
    assert repr(UrlSource(url)) == f"UrlSource({shown})"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("no_such_option=secret", r"an option no_such_option after the \?, which redis-py does not support"),
        ("socket_timeout=soon", "an invalid option: .*socket_timeout"),
    ],
)
@pytest.mark.parametrize("open_it", [UrlSource.client, UrlSource.blocking_client])
def test_an_option_that_redis_py_does_not_take(open_it: Callable[[UrlSource], Any], option: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"the Redis URL redis://host:6379 has {words}") as raised:
        open_it(UrlSource(f"redis://:secret@host?{option}"))
    assert "secret" not in str(raised.value)
    assert "__init__" not in str(raised.value)


async def test_a_pool_has_no_limit_of_its_own(redis_url: str) -> None:
    async with open_redis(redis_url) as client:
        pool = client.connection_pool
        assert len({pool.get_available_connection() for _ in range(200)}) == 200


async def test_redis_is_pinged(redis: Redis) -> None:
    await check_redis(redis, "here")
    absent = open_redis("redis://127.0.0.1:1")
    with pytest.raises(RedisUnavailableError, match=r"Redis at here cannot be reached"):
        await check_redis(absent, "here")
    await absent.aclose()


async def test_a_database_that_is_not_there_is_said_as_such(redis_url: str) -> None:
    client = open_redis(f"{redis_url}?db=999")
    with pytest.raises(RedisRefusedError, match="it has no database with this number"):
        await check_redis(client, "here")
    await client.aclose()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuthenticationError("Authentication required."), "authentication required: set user and password"),
        (AuthenticationError("WRONGPASS invalid username-password pair"), "refused the user or password"),
        (NoPermissionError("no"), "refused the user or password"),
        (RedisConnectionError("Connection refused"), r"cannot be reached \(Connection refused\)"),
        (TimeoutError(), r"cannot be reached \(TimeoutError\)"),
    ],
)
def test_what_to_do_where_redis_cannot_be_used(error: Exception, words: str) -> None:
    with pytest.raises(RedisUnavailableError, match=f"Redis at here:? {words}"):
        raise unavailable_error(error, "here")


@pytest.mark.parametrize(
    ("where", "form"),
    [
        ("rediss://a:1", "(rediss://user:password@host:port)"),
        ("redis+sentinel://a:1/n", "(redis+sentinel://user:password@host:port/SERVICE)"),
        ("127.0.0.1:7 of redis+cluster://a:1", "(redis+cluster://user:password@host:port)"),
        ("unix:///run/redis.sock", "(unix://user:password@/path/of/socket)"),
        ("a:1", "(redis://user:password@host:port)"),
    ],
)
@pytest.mark.parametrize("text", ["Authentication required.", "WRONGPASS no"])
def test_a_password_is_asked_for_in_a_url_of_the_same_form(where: str, form: str, text: str) -> None:
    assert str(unavailable_error(AuthenticationError(text), where)).endswith(form)


@pytest.mark.parametrize(
    ("variables", "project", "advice"),
    [
        ({}, "", "set REDIS_URL"),
        ({"REDIS_URL": DEFAULT_URL + "/0"}, "", "set REDIS_URL"),
        ({"REDIS_URL": "redis://me:secret@cache:6379"}, "", "correct REDIS_URL"),
        ({"MONARQ_REDIS": "redis://cache:6379", "REDIS_URL": "redis://cache:6379"}, "", "correct MONARQ_REDIS"),
        ({"REDIS_URL": "redis://other:6379"}, "redis://cache", r"correct \[tool.monarq\] redis in .*pyproject.toml"),
        ({"REDIS_URL": "redis://other:6379"}, "", "correct its URL"),
    ],
)
def test_a_server_that_is_not_there_names_the_setting_of_its_url(
    variables: dict[str, str], project: str, advice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("REDIS_URL", "MONARQ_REDIS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "pyproject.toml").write_text(f'[tool.monarq]\nredis = "{project}"\n' if project else "")
    monkeypatch.chdir(tmp_path)
    _project_at.cache_clear()
    where = DEFAULT_URL if "set" in advice else "redis://cache:6379"
    told = str(unavailable_error(ConnectionError("refused"), where))
    assert re.search(rf"start it \(`monarq redis` runs one for development\), or {advice}$", told), told
    assert "secret" not in told
