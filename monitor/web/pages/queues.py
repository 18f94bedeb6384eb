"""The queues, a row each."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.stats import known_queues, read_stats
from monarq.monitor.web.asked import Asked
from monarq.monitor.web.rendering import View


async def show(redis: Redis, _: Asked) -> View:
    """All known queues."""
    return View("queues", "Queues", {"queues": await read_stats(redis, await known_queues(redis))})
