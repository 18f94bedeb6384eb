"""Names of the jobs that a queue's workers know. See register_names.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.scripts import check_batch

_SCRIPT = NativeScript.load("workers/register_names")

BATCH = 500
"""The most names in one call."""


async def register_names(redis: Redis, keys: NativeKeys, names: Sequence[str]) -> int:
    """Registers the names of jobs that a worker knows, at most `BATCH`.

    Returns:
        How many of them had been enqueued before any worker knew them.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(names, BATCH)
    return cast("int", await _SCRIPT.run_on(redis, keys, names))


async def is_name_known(redis: Redis, keys: NativeKeys, name: str) -> bool:
    """Whether a worker has registered a job of this name within the last day.

    Raises:
        RedisError: the call failed.
    """
    return await redis.zscore(keys.key("known"), name) is not None
