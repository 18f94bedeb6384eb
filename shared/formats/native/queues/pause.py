"""Pauses and resumes a queue. See pause.lua."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript

_SCRIPT = NativeScript.load("queues/pause")


async def pause(redis: Redis, keys: NativeKeys) -> int:
    """Pauses the queue; returns since when it was paused already, unix ms, or 0."""
    return cast("int", await _SCRIPT.run_on(redis, keys, ("pause",)))


async def resume(redis: Redis, keys: NativeKeys) -> int:
    """Resumes the queue and wakes all workers that wait; returns since when it was paused, unix ms, or 0."""
    return cast("int", await _SCRIPT.run_on(redis, keys, ("resume",)))


async def paused_since_ms(redis: Redis, keys: NativeKeys) -> int:
    """Since when the queue is paused, unix ms; 0 where it is not."""
    return cast("int", await _SCRIPT.run_on(redis, keys, ("ask",)))
