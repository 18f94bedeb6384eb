"""Deletes dead letters. See discard.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.scripts import check_batch

_SCRIPT = NativeScript.load("dead/discard")

BATCH: Final = 1000
"""The most dead letters in one call."""


async def discard(redis: Redis, keys: NativeKeys, raw_ids: Sequence[bytes]) -> list[bool]:
    """Deletes dead letters, at most `BATCH`; returns for each whether there was one.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(raw_ids, BATCH)
    return [died is not None for died in await _SCRIPT.run_on(redis, keys, raw_ids)]
