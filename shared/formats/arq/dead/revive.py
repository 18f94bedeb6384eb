"""Puts dead jobs back into the queue. See revive.lua."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.answers import Revived
from monarq.shared.protocol.dead_letters import BATCH
from monarq.shared.redis.scripts import check_batch

_SCRIPT = ArqScript.load("dead/revive")

MOVED_BYTES = 16 * 1024 * 1024
"""A call stops after moving this many bytes of payloads, so that it does not block Redis for long."""


async def revive(redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes]) -> list[Revived]:
    """Puts dead jobs back, at most `BATCH`, each in its lane, with no try used and no crash counted.

    Returns:
        What happened to each, in order. It may be shorter than `raw_ids`, but never empty: pass the rest again.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(raw_ids, BATCH)
    return [Revived(code) for code in await _SCRIPT.run_on(redis, keys, (MOVED_BYTES, *raw_ids))]
