"""The queues, a row each; pauses, resumes and purges them."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.admin import admin as steering
from monarq.monitor.queues.stats import known_queues, read_stats
from monarq.monitor.web.base.page_request import Asked, link
from monarq.monitor.web.base.rendering import View


async def show(redis: Redis, _: Asked) -> View:
    """All known queues."""
    queues = await read_stats(redis, await known_queues(redis))
    paused = {each.queue: await steering.paused_since_ms(redis, each.queue) for each in queues}
    return View("queues", "Queues", {"queues": queues, "paused": paused})


async def ask_purge(redis: Redis, asked: Asked) -> View:
    """Asks whether all that waits is really to be thrown away."""
    [queue] = await read_stats(redis, [asked.text("queue")])
    return View("purge", f"Purge {queue.queue}", {"queue": queue})


async def pause(redis: Redis, asked: Asked) -> str:
    """Lets the queue give no more jobs."""
    await steering.pause(redis, asked.text("queue"))
    return link("/queues", {"did": "paused"})


async def resume(redis: Redis, asked: Asked) -> str:
    """Lets it give jobs again."""
    await steering.resume(redis, asked.text("queue"))
    return link("/queues", {"did": "resumed"})


async def purge(redis: Redis, asked: Asked) -> str:
    """Throws away what waits."""
    count = await steering.purge(redis, asked.text("queue"))
    return link("/queues", {"did": "purged", "n": count})
