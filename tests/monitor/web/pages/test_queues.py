"""The queues page, and the jobs of a queue by state and name."""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.monitor.admin.mover import Mover
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.web.site import Site
from tests.support.formats import OF_ARQ
from tests.support.manual_worker import ManualWorker
from tests.support.queues import ARQ_QUEUE, arq_queue
from tests.support.workers import put

pytestmark = OF_ARQ


async def test_pause_and_resume(redis: Redis, site: Site) -> None:
    assert "Paused" not in await site.text("/queues")
    answer = await site.post("/queues/pause?queue=arq:queue")
    assert answer.headers["location"] == "/queues?did=paused"
    html = await site.text("/queues?did=paused")
    assert "The queue is paused" in html
    assert "/queues/resume?queue=arq:queue" in html
    assert await admin.paused_since_ms(redis, ARQ_QUEUE)
    await site.post("/queues/resume?queue=arq:queue")
    assert "Paused" not in await site.text("/queues")
    assert await admin.paused_since_ms(redis, ARQ_QUEUE) is None


async def test_a_queue_whose_jobs_are_half_moved_is_not_resumed(redis: Redis, site: Site) -> None:
    await put(redis, "add", job_id="a")
    await Mover(redis, ARQ_QUEUE, QueueRef("mail", "native")).begin()
    answer = await site.post("/queues/resume?queue=arq:queue")
    assert answer.headers["location"] == "/queues?did=moving"
    assert "its jobs are still being moved" in await site.text("/queues?did=moving")
    assert await admin.paused_since_ms(redis, ARQ_QUEUE)
    await redis.flushall()


async def test_purge_asks_first(redis: Redis, site: Site) -> None:
    for number in range(3):
        await put(redis, "add", job_id=f"job-{number}")
    assert "3 queued and 0 deferred jobs" in await site.text("/queues/purge?queue=arq:queue")
    assert await redis.zcard(DEFAULT_QUEUE) == 3
    assert (await site.post("/queues/purge?queue=arq:queue")).headers["location"] == "/queues?did=purged&n=3"
    assert await redis.zcard(DEFAULT_QUEUE) == 0


async def test_jobs_by_state(redis: Redis, site: Site) -> None:
    await put(redis, "mail.send", job_id="waits")
    await put(redis, "mail.later", job_id="later", due_ms=2**41)
    await put(redis, "resize", job_id="runs")
    worker = ManualWorker(redis)
    leases = await worker.claim()
    assert len(leases) == 2
    keys = QueueKeys.of(DEFAULT_QUEUE)
    await redis.zadd(keys.workers, {"manual": 2**41})
    await redis.expire(keys.workers, 60)
    assert "waits" in await site.text("/jobs?state=running")
    assert "later" in await site.text("/jobs?state=deferred")
    assert "No queued job." in await site.text("/jobs")
    await worker.end(*leases)
    await admin.purge(redis, ARQ_QUEUE)


async def test_jobs_are_found_by_name(redis: Redis, site: Site) -> None:
    for number in range(3):
        await put(redis, f"mail.send{number}", job_id=f"job-{number}")
    for search, found in (("send1", ["job-1"]), ("mail.*", ["job-0", "job-1", "job-2"]), ("nobody", [])):
        html = await site.text("/jobs", params={"name": search})
        assert re.findall(r"job-\d(?=</span>)", html) == found
    await admin.purge(redis, ARQ_QUEUE)


async def test_long_lists_have_pages(redis: Redis, site: Site) -> None:
    for number in range(120):
        await put(redis, "add", job_id=f"job-{number:03}")
    path, seen = "/jobs?queue=arq:queue", []
    for _ in range(3):
        html = await site.text(path)
        seen += re.findall(r"job-\d{3}(?=</span>)", html)
        path = next(iter(re.findall(r'href="([^"]*after=[^"]*)">Next page', html)), "").replace("&amp;", "&")
    assert len(set(seen)) == len(seen) == 120
    assert "No queued job" not in await site.text("/jobs?after=nonsense")
    await admin.purge(redis, ARQ_QUEUE)


@pytest.mark.parametrize("queue", ["a/b", "ü?x=1", "%2F", "a b&c"])
async def test_a_queue_may_be_called_anything(redis: Redis, site: Site, queue: str) -> None:
    query = f"queue={quote_from_bytes(queue.encode(), safe='')}"
    await redis.zadd(names.QUEUES, {queue: 2**41})
    await redis.expire(names.QUEUES, 60)
    assert f"/queues/pause?{query}" in await site.text("/queues")
    await site.post(f"/queues/pause?{query}")
    assert await admin.paused_since_ms(redis, arq_queue(queue))
    for path in ("/", "/jobs", "/dead"):
        await site.text(f"{path}?{query}")
    await site.post(f"/queues/resume?{query}")
