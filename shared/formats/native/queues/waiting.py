"""How long jobs have been waiting. See waiting.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.counts import Waiting

_SCRIPT = NativeScript.load("queues/waiting")


async def read_waiting(redis: Redis, keys: NativeKeys) -> Waiting:
    """Reads how long jobs have waited, at a cost that does not depend on the queue's length."""
    io_ms, cpu_ms = await _SCRIPT.run_on(redis, keys, ())
    return Waiting(None if io_ms < 0 else io_ms / 1000, None if cpu_ms < 0 else cpu_ms / 1000)
