"""The queues page: a row for each queue, and pause, resume and purge."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.monitor.queues.stats import known_queues, read_stats
from monarq.monitor.web.base.page_request import PageRequest, link
from monarq.monitor.web.base.rendering import View


async def show(redis: Redis, _: PageRequest) -> View:
    """All known queues."""
    queues = await read_stats(redis, await known_queues(redis))
    paused = {each.queue: await admin.paused_since_ms(redis, each.queue) for each in queues}
    return View("queues", "Queues", {"queues": queues, "paused": paused})


async def confirm_purge(redis: Redis, request: PageRequest) -> View:
    """Asks whether all waiting jobs may be deleted."""
    [queue] = await read_stats(redis, [request.text("queue")])
    return View("purge", f"Purge {queue.queue}", {"queue": queue})


async def pause(redis: Redis, request: PageRequest) -> str:
    """Pauses a queue."""
    await admin.pause(redis, request.text("queue"))
    return link("/queues", {"did": "paused"})


async def resume(redis: Redis, request: PageRequest) -> str:
    """Resumes a queue."""
    await admin.resume(redis, request.text("queue"))
    return link("/queues", {"did": "resumed"})


async def purge(redis: Redis, request: PageRequest) -> str:
    """Deletes the waiting jobs of a queue."""
    count = await admin.purge(redis, request.text("queue"))
    return link("/queues", {"did": "purged", "n": count})
