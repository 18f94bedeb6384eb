"""Runs pieces of the native scripts by themselves, and reads what they leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.scripts import Argument

KEYS: Final = NativeKeys.of("q")


async def run_piece(redis: Redis, piece: str, lua: str, *arguments: Argument) -> Any:
    """Runs Lua behind a piece and what it includes.

    Args:
        redis: the client.
        piece: the piece's name.
        lua: what to run.
        arguments: its ARGV.
    """
    script = NativeScript.load("tried", f"-- INCLUDES  {piece}\n{lua}")
    return await script.run_on(redis, KEYS, arguments)


async def now_ms(redis: Redis) -> int:
    """Redis' own time."""
    seconds, micros = await redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def hash_of(redis: Redis, name: str) -> dict[bytes, bytes]:
    """All of one of the queue's hashes, without its pad."""
    found: dict[bytes, bytes] = await redis.hgetall(KEYS.key(name))  # type: ignore[misc]
    return {key: value for key, value in found.items() if key != b"\0"}


async def zset_of(redis: Redis, name: str) -> dict[bytes, float]:
    """All of one of the queue's zsets."""
    return dict(await redis.zrange(KEYS.key(name), 0, -1, withscores=True))


async def hset(redis: Redis, key: str, values: dict[Any, Any]) -> None:
    """Seeds a hash."""
    pairs: Sequence[Any] = [part for pair in values.items() for part in pair]
    await redis.execute_command("HSET", key, *pairs)  # type: ignore[no-untyped-call]
