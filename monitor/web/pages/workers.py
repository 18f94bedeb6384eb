"""The workers page: where they are, what they run, and how loaded they are."""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from monarq.monitor.queues.stats import QueueStats, WorkerStats, read_stats
from monarq.monitor.web.base.page_request import PageRequest
from monarq.monitor.web.base.rendering import View
from monarq.shared.formats.choice.monitors import known_queues


async def show(redis: Redis, _: PageRequest) -> View:
    """The workers of all queues, each once."""
    workers = unique_workers(await read_stats(redis, await known_queues(redis)))
    return View("workers", "Workers", {"workers": workers})


def unique_workers(stats: Iterable[QueueStats]) -> list[WorkerStats]:
    """The workers of these queues, each once even if it serves several of them."""
    return list({worker.worker_id: worker for queue in stats for worker in queue.workers}.values())
