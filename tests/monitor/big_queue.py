"""A long queue, and checks of what reading it costs: no read may walk a queue."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from tests.support.slowness import in_time

LONG: Final = 200_000

FORBIDDEN: Final = {"KEYS", "SCAN", "ZSCAN", "HSCAN", "SSCAN", "SORT", "SMEMBERS", "HKEYS", "HVALS", "MONITOR"}
"""Commands that walk through all keys or members."""

Command = tuple[str, list[str]]


@asynccontextmanager
async def a_long_queue(redis: Redis) -> AsyncIterator[None]:
    """`LONG` ids without payloads in the default queue, half of them deferred, for the life of the block."""
    seconds, micros = await redis.time()
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    script = """
    local some = {}
    for at = tonumber(ARGV[1]), tonumber(ARGV[2]) do
        some[#some + 1] = tonumber(ARGV[3]) + (at - tonumber(ARGV[4])) * 100
        some[#some + 1] = string.format('%032d', at)
        if #some == 1000 then
            redis.call('ZADD', KEYS[1], unpack(some))
            some = {}
        end
    end"""
    for at in range(0, LONG, 50_000):
        await redis.eval(script, 1, DEFAULT_QUEUE, at, at + 49_999, now_ms, LONG // 2)  # type: ignore[misc]
    yield
    await redis.delete(DEFAULT_QUEUE)


async def cpu_s(redis: Redis) -> float:
    """What Redis and this process have computed until now: unlike time, it does not depend on what else runs."""
    used = await redis.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"]) + time.process_time()


async def commands_heard(monitor: Any, redis: Redis) -> list[Command]:
    """The commands that Redis has got until now, those of scripts included."""
    await redis.echo("the end")
    seen = []
    async with in_time(10):
        while True:
            heard = (await monitor.next_command())["command"]
            name, *arguments = heard.split(" ")
            if name.upper() == "ECHO":
                return seen
            if name.upper() not in ("EVAL", "EVALSHA"):
                seen.append((name.upper(), arguments))


def assert_none_walks_a_queue(seen: list[Command]) -> None:
    """Every read had a bound."""
    assert seen
    assert not {name for name, _ in seen} & FORBIDDEN
    for name, arguments in seen:
        if name in ("ZRANGE", "ZREVRANGE"):
            start, stop = int(arguments[1]), int(arguments[2])
            assert start >= 0
            assert 0 <= stop - start <= 1000, arguments
        if name == "LRANGE":
            assert abs(int(arguments[2]) - int(arguments[1])) <= 500, arguments
        if name in ("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"):
            assert "LIMIT" in arguments
