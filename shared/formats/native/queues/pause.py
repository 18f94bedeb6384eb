"""Pauses and resumes a queue. See pause.lua."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer_notes import still_moving

_SCRIPT = NativeScript.load("queues/pause")


async def pause(redis: Redis, keys: NativeKeys) -> int:
    """Pauses the queue; returns since when it was paused already, unix ms, or 0."""
    return cast("int", await _SCRIPT.run_on(redis, keys, ("pause",)))


async def resume(redis: Redis, keys: NativeKeys) -> int:
    """Resumes the queue and wakes all workers that wait; returns since when it was paused, unix ms, or 0.

    Raises:
        MoveRefusedError: a move of its jobs has not ended.
    """
    since_ms = cast("int", await _SCRIPT.run_on(redis, keys, ("resume",)))
    if since_ms < 0:
        raise still_moving(QueueRef(keys.tag, "native"))
    return since_ms


async def paused_since_ms(redis: Redis, keys: NativeKeys) -> int:
    """Since when the queue is paused, unix ms; 0 if it is not."""
    return cast("int", await _SCRIPT.run_on(redis, keys, ("ask",)))
