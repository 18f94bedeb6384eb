"""Pauses and resumes a queue for monarq's workers. See pause.lua."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.transfer_notes import still_moving

_SCRIPT = ArqScript.load("queues/pause")


async def pause(redis: Redis, keys: QueueKeys) -> int:
    """Pauses the queue; returns since when it was paused already, unix ms, or 0."""
    return cast("int", await _SCRIPT.run_on(redis, keys, ("pause",)))


async def resume(redis: Redis, keys: QueueKeys) -> int:
    """Resumes the queue and wakes its workers; returns since when it was paused, unix ms, or 0.

    Raises:
        MoveRefusedError: a move of its jobs has not ended.
    """
    since_ms = cast("int", await _SCRIPT.run_on(redis, keys, ("resume",)))
    if since_ms < 0:
        raise still_moving(keys.ref)
    return since_ms


async def paused_since_ms(redis: Redis, keys: QueueKeys) -> int:
    """Since when the queue is paused, unix ms; 0 if it is not."""
    return cast("int", await _SCRIPT.run_on(redis, keys, ("ask",)))
