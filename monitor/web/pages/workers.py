"""The workers: where they are, what they run, and how they fare."""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from monarq.monitor.queues.stats import QueueStats, WorkerStats, known_queues, read_stats
from monarq.monitor.web.base.page_request import Asked
from monarq.monitor.web.base.rendering import View


async def show(redis: Redis, _: Asked) -> View:
    """All workers of all queues, each once."""
    workers = every_worker(await read_stats(redis, await known_queues(redis)))
    return View("workers", "Workers", {"workers": workers})


def every_worker(stats: Iterable[QueueStats]) -> list[WorkerStats]:
    """The workers, each once, though it may serve several of the queues."""
    return list({worker.id: worker for queue in stats for worker in queue.workers}.values())
