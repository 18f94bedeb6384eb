"""The overview: is it healthy, is it keeping up, what fails, who works."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.dead import DeadLetter, Wanted, find_letters
from monarq.monitor.stats import known_queues, read_stats
from monarq.monitor.web.asked import Asked
from monarq.monitor.web.findings import find_trouble
from monarq.monitor.web.pages.workers import every_worker
from monarq.monitor.web.rendering import View

FAILURES = 8


async def show(redis: Redis, asked: Asked) -> View:
    """All queues together, or the one that is asked for."""
    known = await known_queues(redis)
    queues = [asked.text("queue")] if asked.text("queue") else known
    stats = await read_stats(redis, queues)
    workers = every_worker(stats)
    return View(
        "overview",
        "Overview",
        {
            "known": known,
            "queues": stats,
            "workers": workers,
            "trouble": find_trouble(stats),
            "failures": await _newest_failures(redis, queues),
            "ready": sum(each.queued for each in stats),
            "deferred": sum(each.deferred for each in stats),
            "running": sum(each.running for each in stats),
            "dead": sum(each.dead for each in stats),
            "jobs_per_s": sum(each.jobs_per_s for each in stats),
            "oldest_s": max((each.oldest_s for each in stats if each.oldest_s is not None), default=None),
            "places": sum(worker.concurrency for worker in workers if worker.alive),
        },
    )


async def _newest_failures(redis: Redis, queues: list[str]) -> list[DeadLetter]:
    found = []
    for queue in queues:
        left = FAILURES
        async for letter in find_letters(redis, queue, Wanted()):
            found.append(letter)
            left -= 1
            if not left:
                break
    return sorted(found, key=lambda letter: -letter.died_ms)[:FAILURES]
