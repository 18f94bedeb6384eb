"""The Redis calls of a page do not grow with the queue, as MONITOR shows."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.redis.connection import open_redis
from tests.monitor.web.site import Site
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import put

pytestmark = OF_ARQ

FORBIDDEN = {"KEYS", "SCAN", "SMEMBERS", "HSCAN", "ZSCAN", "SSCAN", "SORT"}
PAGES = ("/", "/?span=1h", "/queues", "/queues/purge?queue=arq:queue", "/jobs", "/jobs?state=running")
PAGES += (
    "/jobs?state=deferred",
    "/jobs?state=ended",
    "/jobs/job?queue=arq:queue&id=job-7",
    "/workers",
    "/dead",
    "/cron",
)


async def asked_by(redis: Redis, url: str, site: Site, path: str) -> list[list[str]]:
    """The commands that a page leads to, those of scripts among them, but for the series' steps."""
    client = open_redis(url)
    asked: list[list[str]] = []
    try:
        async with client.monitor() as monitor:
            await site.text(path)
            await redis.echo("that was all")
            async with in_time(10):
                async for told in monitor.listen():
                    words = told["command"].split()
                    if words[0].upper() == "ECHO":
                        break
                    asked.append(words)
    finally:
        await client.aclose()
    return [words for words in asked if words[0].upper() != "HGETALL"]


async def test_pages_ask_the_same_of_a_long_queue(redis: Redis, redis_url: str, site: Site) -> None:
    for number in range(200):
        await put(redis, "mail.send", job_id=f"job-{number}")
    for path in PAGES:
        await site.text(path)
    short = {path: len(await asked_by(redis, redis_url, site, path)) for path in PAGES}
    await redis.zadd(DEFAULT_QUEUE, {f"more-{number}": 2**40 + number for number in range(20_000)})
    for path in PAGES:
        asked = await asked_by(redis, redis_url, site, path)
        assert {words[0].upper() for words in asked}.isdisjoint(FORBIDDEN), path
        for words in asked:
            if words[0].upper() in {"ZRANGE", "ZREVRANGE"} and words[1] == DEFAULT_QUEUE:
                assert 0 <= int(words[3]) - int(words[2]) <= 1000, (path, words)
        assert len(asked) <= short[path] + 5, path
    await redis.delete(DEFAULT_QUEUE)
    await admin.resume(redis, ARQ_QUEUE)
    for number in range(200):
        await redis.delete(f"arq:job:job-{number}")
