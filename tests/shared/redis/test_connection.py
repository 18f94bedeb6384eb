"""Redis connections: which URLs are taken, that no secret of theirs is shown, and what an error says."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.errors import RedisUnavailableError, SettingsError
from monarq.shared.redis.connection import (
    DEFAULT_URL,
    UrlSource,
    check_redis,
    open_redis,
    redacted_url,
    redis_url,
    unavailable_error,
)


@pytest.mark.parametrize(
    ("given", "environment", "chosen"),
    [
        ("rediss://a:1/2", "redis://b", "rediss://a:1/2"),
        (None, "unix:///run/redis.sock", "unix:///run/redis.sock"),
        (None, "", DEFAULT_URL),
        ("", None, DEFAULT_URL),
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
        ("http://secret@host", "http://…"),
        ("host:6379", "does not begin with redis://"),
        ("redis://host:70000", "port that is no number from 0 to 65535"),
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
        ("redis://:secret@[::1]:6380/0", "redis://[::1]:6380/0"),
        ("redis://", "redis://localhost:6379"),
        ("unix://user:secret@/run/redis.sock?db=1", "unix:///run/redis.sock"),
    ],
)
def test_no_secret_of_a_url_is_shown(url: str, shown: str) -> None:
    assert redacted_url(url) == shown
    assert repr(UrlSource(url)) == f"UrlSource({shown})"


@pytest.mark.parametrize("option", ["no_such_option=1", "db=x", "socket_timeout=soon"])
def test_an_option_that_redis_py_does_not_take(option: str) -> None:
    with pytest.raises(SettingsError, match=r"the Redis URL redis://host:6379 has an option that cannot be"):
        open_redis(f"redis://:secret@host?{option}")


async def test_redis_is_pinged(redis: Redis) -> None:
    await check_redis(redis, "here")
    absent = open_redis("redis://127.0.0.1:1")
    with pytest.raises(RedisUnavailableError, match=r"Redis at here cannot be reached"):
        await check_redis(absent, "here")
    await absent.aclose()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuthenticationError("Authentication required."), "authentication required: give user and password"),
        (AuthenticationError("WRONGPASS invalid username-password pair"), "refused the user or password"),
        (NoPermissionError("no"), "refused the user or password"),
        (RedisConnectionError("Connection refused"), r"cannot be reached \(Connection refused\)"),
        (TimeoutError(), r"cannot be reached \(TimeoutError\)"),
    ],
)
def test_what_to_do_where_redis_cannot_be_used(error: Exception, words: str) -> None:
    with pytest.raises(RedisUnavailableError, match=f"Redis at here:? {words}"):
        raise unavailable_error(error, "here")
