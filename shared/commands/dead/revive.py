"""Puts dead jobs back into the queue. See revive.lua."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from redis.asyncio import Redis

from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Script, check_batch

_SCRIPT = Script.load("dead/revive")

BATCH = 1000
"""The most jobs of one call."""

MOVED_BYTES = 16 * 1024 * 1024
"""Once a call has moved so many bytes of payloads, it stops: others wait for Redis meanwhile."""


class Revived(IntEnum):
    """What happened to one dead job."""

    NO_LETTER = 0
    BACK = 1
    ALIVE = 2
    """A job of this id waits, runs, or has left a result since, so the dead letter was left as it is."""
    NO_PAYLOAD = 3


async def revive(redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes]) -> list[Revived]:
    """Puts dead jobs back, at most `BATCH`, each in its lane, with no try used and no crash counted.

    Returns:
        What happened to each, in order. It may be shorter than `raw_ids`, but never empty: pass the rest again.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(raw_ids, BATCH)
    return [Revived(code) for code in await _SCRIPT.run(redis, keys, (MOVED_BYTES, *raw_ids))]
