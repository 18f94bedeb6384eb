"""know: tell which jobs a worker of a queue knows. See know.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis

from monarq.shared.keys import QueueKeys
from monarq.shared.scripts import Script, check_batch

_SCRIPT = Script.load("know")

BATCH = 500
"""The most names of one call."""


async def know(redis: Redis, keys: QueueKeys, names: Sequence[str]) -> int:
    """Tells the queue's counters of these jobs, at most `BATCH`; gives how many of them were heard of before.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(names, BATCH)
    return cast("int", await _SCRIPT.run(redis, keys, names))
