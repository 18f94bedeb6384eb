"""Which native queues a move can use, by the version in `meta`."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from monarq.shared.errors import MonarqError, MoveRefusedError
from monarq.shared.formats.native.jobs.enqueue import newer_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.shards import SHARDED
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.replies import text

_VERSION = b"1"


async def check_version(redis: Redis, keys: NativeKeys) -> str | None:
    """Finds the queue to which a queue's jobs are being moved; None if they are not.

    Raises:
        MoveRefusedError: the queue has shards.
        UnsupportedError: the queue was made by a later version of monarq.
        RedisError: Redis did not answer.
    """
    client: Any = redis
    version, moving = await client.hmget(keys.key("meta"), ("v", "moving"))
    if version not in (None, _VERSION):
        raise _refusal(keys, version)
    return None if moving is None else text(moving).partition(" ")[2]


async def explain_version(redis: Redis, keys: NativeKeys) -> MonarqError:
    """The error after a script has refused the queue's version.

    Raises:
        RedisError: Redis did not answer.
    """
    client: Any = redis
    return _refusal(keys, await client.hget(keys.key("meta"), "v"))


def _refusal(keys: NativeKeys, version: bytes | None) -> MonarqError:
    if version == SHARDED:
        return MoveRefusedError(
            f"{QueueRef(keys.tag, 'native').label} has shards: jobs can be moved only between queues without shards"
        )
    return newer_queue(keys.tag)
