"""A password opens Redis, and is never shown."""

from __future__ import annotations

import pytest

from monarq.embedded import EmbeddedRedis
from tests.cli.command import Ended, heard, monarq, start, stop


def with_password(server: EmbeddedRedis, password: str) -> str:
    return server.url.replace("redis://", f"redis://:{password}@")


COMMANDS = [
    ["enqueue", "-v", "name"],
    ["stats", "-v"],
    ["stats", "-v", "--watch"],
    ["worker", "-v", "tests.cli.target", "-w", "1"],
    ["worker", "-v", "tests.cli.target", "--check"],
]


@pytest.mark.parametrize("args", COMMANDS, ids=[" ".join(args) for args in COMMANDS])
async def test_a_wrong_one_is_reported_and_not_shown(locked_redis: EmbeddedRedis, args: list[str]) -> None:
    url = with_password(locked_redis, "wrong-secret")
    ended = await monarq(*args, url=url)
    assert ended.code == 2
    check_told(ended)


async def test_nor_where_it_is_on_the_command_line(locked_redis: EmbeddedRedis) -> None:
    url = with_password(locked_redis, "wrong-secret")
    ended = await monarq("stats", "-v", "--redis", url, url=locked_redis.url)
    assert ended.code == 2
    check_told(ended)


@pytest.mark.parametrize("args", [["stats"], ["enqueue", "name", *["argument"] * 50]], ids=lambda args: args[0])
async def test_none_at_all(locked_redis: EmbeddedRedis, args: list[str]) -> None:
    ended = await monarq(*args, url=locked_redis.url)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "authentication required: set user and password in REDIS_URL" in ended.err


def check_told(ended: Ended) -> None:
    assert "refused the user or password: check them in REDIS_URL" in ended.err
    assert "secret" not in ended.out + ended.err


async def test_the_right_one_is_not_shown_either(locked_redis: EmbeddedRedis, password: str) -> None:
    url = with_password(locked_redis, password)
    process = await start("worker", "tests.cli.target", "-w", "1", "-v", url=url)
    said = await heard(process, "serving")
    assert f"Redis at {locked_redis.url.removesuffix('/0')}" in said
    enqueued = await monarq("enqueue", "tests.cli.target:double", "2", "--wait", url=url)
    shown = await monarq("stats", "--json", url=url)
    ended = await stop(process)
    assert (enqueued.code, shown.code, ended.code) == (0, 0, 0)
    for text in (said, enqueued.out, enqueued.err, shown.out, shown.err, ended.out, ended.err):
        assert password not in text
