"""Deletes dead letters. See discard.lua."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.dead_letters import BATCH
from monarq.shared.redis.scripts import check_batch

_SCRIPT = ArqScript.load("dead/discard")


async def discard(redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes]) -> list[bool]:
    """Deletes dead letters, at most `BATCH`; returns for each whether there was one.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(raw_ids, BATCH)
    return [bool(code) for code in await _SCRIPT.run_on(redis, keys, raw_ids)]
