"""The queues page: one row per queue; also pauses, resumes and purges queues."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.monitor.queues.stats import read_stats
from monarq.monitor.web.base.page_request import PageRequest, link
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages.queue_choice import named_queue
from monarq.shared.errors import MoveRefusedError
from monarq.shared.formats.choice.monitors import known_queues


async def show(redis: Redis, _: PageRequest) -> View:
    """All known queues."""
    known = await known_queues(redis)
    queues = await read_stats(redis, known)
    paused = {queue: await admin.paused_since_ms(redis, queue) for queue in known}
    return View("queues", "Queues", {"queues": queues, "paused": paused})


async def confirm_purge(redis: Redis, request: PageRequest) -> View:
    """Asks whether to delete all waiting jobs."""
    [queue] = await read_stats(redis, [await named_queue(redis, request)])
    return View("purge", f"Purge {queue.ref.label}", {"queue": queue, "label": queue.ref.label})


async def pause(redis: Redis, request: PageRequest) -> str:
    """Pauses a queue."""
    await admin.pause(redis, await named_queue(redis, request))
    return link("/queues", {"did": "paused"})


async def resume(redis: Redis, request: PageRequest) -> str:
    """Resumes a queue, unless a move of its jobs has not finished."""
    try:
        await admin.resume(redis, await named_queue(redis, request))
    except MoveRefusedError:
        return link("/queues", {"did": "moving"})
    return link("/queues", {"did": "resumed"})


async def purge(redis: Redis, request: PageRequest) -> str:
    """Deletes the waiting jobs of a queue."""
    count = await admin.purge(redis, await named_queue(redis, request))
    return link("/queues", {"did": "purged", "n": count})
