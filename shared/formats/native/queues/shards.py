"""The number of a queue's shards, as stored in Redis. See shards.lua."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.formats.native.jobs.enqueue import newer_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import ONE, Shards, tags_of

_SCRIPT = NativeScript.load("queues/shards")
_NEWER = -2

SHARDED = b"1 shards"
"""The version of a queue that was given shards."""


class Told(IntEnum):
    """The result of telling a shard the number of shards."""

    NEWS = 1
    KNOWN = 0
    UNEXPECTED = -6
    """It knows another number than expected, so it was told nothing."""


async def tell_shard(
    redis: Redis, tag: str, shards: Shards, *, expected: int | None = None, paused_ms: int | None = None
) -> Told:
    """Tells a shard how many there are.

    Args:
        redis: the client.
        tag: the shard's tag.
        shards: how many.
        expected: how many it must know so far, 0 if it must be unused; None for any number.
        paused_ms: since when the queue is paused.

    Raises:
        UnsupportedError: the queue was made by a later version of monarq.
        RedisError: the call failed; it may be repeated.
    """
    arguments = (
        shards.count,
        shards.before_text,
        shards.opened,
        "" if expected is None else expected,
        "" if paused_ms is None else paused_ms,
    )
    reply = await _SCRIPT.run_on(redis, NativeKeys.of(tag), arguments)
    if reply[0] == _NEWER:
        raise newer_queue(tag)
    return Told(reply[0])


async def read_shards(redis: Redis, names: Sequence[str]) -> list[Shards | None]:
    """How many shards each queue has, according to its shard 0; None if nobody has used the queue yet.

    Raises:
        RedisError: Redis did not answer.
    """
    if len(names) == 1:
        client: Any = redis
        try:
            return [_read(await client.hmget(NativeKeys.of(names[0]).key("meta"), _FIELDS))]
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            return [ONE]
    calls: Any = redis.pipeline(transaction=False)
    for name in names:
        calls.hmget(NativeKeys.of(name).key("meta"), _FIELDS)
    replies = await calls.execute(raise_on_error=False) if names else []
    return [ONE if isinstance(reply, Exception) else _read(reply) for reply in replies]  # a key of a wrong type


async def read_tags(redis: Redis, names: Sequence[str]) -> list[str]:
    """The tags of all shards of these queues.

    Raises:
        RedisError: Redis did not answer.
    """
    known = zip(names, await read_shards(redis, names), strict=True)
    return [tag for name, shards in known for tag in tags_of(name, (shards or ONE).count)]


_FIELDS = ("v", "shards", "before", "opened")


def _read(reply: list[bytes | None]) -> Shards | None:
    version, *numbers = reply
    if version is None:
        return None
    return Shards.read(*numbers) if version == SHARDED else ONE
