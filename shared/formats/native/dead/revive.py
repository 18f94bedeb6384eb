"""Puts dead jobs back into the queue. See revive.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import refused
from monarq.shared.protocol.answers import Revived
from monarq.shared.redis.scripts import check_batch

_SCRIPT = NativeScript.load("dead/revive")

BATCH: Final = 1000
"""The most jobs in one call."""

MOVED_BYTES = 16 * 1024 * 1024
"""A call stops after moving this many bytes of payloads, so that it does not block Redis for long."""


async def revive(
    redis: Redis, keys: NativeKeys, raw_ids: Sequence[bytes], shards: int = 1, *, only_asks: bool = False
) -> list[Revived]:
    """Puts dead jobs back, at most `BATCH`, each in its lane, with no try used and no crash counted.

    Args:
        redis: the client.
        keys: the queue's keys.
        raw_ids: the jobs.
        shards: how many shards the queue is believed to have.
        only_asks: change nothing, and return what would happen.

    Returns:
        What happened to each, in order. It may be shorter than `raw_ids`, but never empty: pass the rest again.

    Raises:
        ValueError: there are more than `BATCH`.
        MoreShardsError: the queue has more shards; nothing was changed.
        ShardNotReadyError: this shard is not open yet; nothing was changed.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(raw_ids, BATCH)
    reply = await _SCRIPT.run_on(redis, keys, (MOVED_BYTES, shards, int(only_asks), *raw_ids))
    if reply:
        refused(reply, keys.tag)
    return [Revived(code) for code in reply]
