"""The cron page: the scheduled jobs, and when each is next due."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.queues.cron import read_crons
from monarq.monitor.web.base.page_request import PageRequest
from monarq.monitor.web.base.rendering import View
from monarq.shared.formats.choice.monitors import known_queues


async def show(redis: Redis, _: PageRequest) -> View:
    """The crons of all queues."""
    queues = await known_queues(redis)
    return View("cron", "Cron", {"crons": await read_crons(redis, queues)})
