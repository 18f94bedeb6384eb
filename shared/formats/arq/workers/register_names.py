"""Names of the jobs that a queue's workers know. See register_names.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.redis.replies import text
from monarq.shared.redis.scripts import check_batch

_SCRIPT = ArqScript.load("workers/register_names")

BATCH = 500
"""The most names in one call."""


async def register_names(redis: Redis, keys: QueueKeys, names: Sequence[str]) -> int:
    """Registers the names of jobs that a worker knows, at most `BATCH`.

    Returns:
        How many of them had been enqueued before any worker knew them.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(names, BATCH)
    return cast("int", await _SCRIPT.run_on(redis, keys, names))


async def read_names(redis: Redis, keys: QueueKeys) -> list[str]:
    """The names of the jobs that workers have registered within the last day.

    Raises:
        RedisError: the call failed.
    """
    return [text(name) for name in await redis.zrange(keys.known_names, 0, -1)]
