"""How long due jobs have been waiting. See waiting.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.counts import Waiting

_SCRIPT = ArqScript.load("queues/waiting")


async def read_waiting(redis: Redis, keys: QueueKeys) -> Waiting:
    """Reads how long jobs have waited, at a cost that does not depend on the queue's length."""
    io_ms, cpu_ms = await _SCRIPT.run_on(redis, keys, ())
    return Waiting(None if io_ms < 0 else io_ms / 1000, None if cpu_ms < 0 else cpu_ms / 1000)
