"""The page of one job: each state, cancel and retry."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.monitor.web.base.page_request import link
from monarq.shared.calls.context import Context
from monarq.shared.jobs.decorators import job
from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.web.site import Site
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, result_of, running

GATES: list[asyncio.Event] = []


@job(name="page.hold")
async def hold(ctx: Context, secret: str) -> str:
    await ctx.progress(1, 4, "a quarter")
    await GATES[-1].wait()
    return "the-result"


@job(name="page.fail", max_tries=1)
async def fail() -> None:
    raise ValueError("the-error")


@pytest.fixture
def gate() -> asyncio.Event:
    """Holds the jobs until it is set."""
    GATES.append(asyncio.Event())
    return GATES[-1]


def path(queue: QueueRef, job_id: str, page: str = "/jobs/job") -> str:
    return link(page, {"queue": queue, "id": job_id})


async def text_with(site: Site, queue: QueueRef, job_id: str, words: str) -> str:
    """The job's page, as soon as it says so."""
    async with in_time(10):
        while words not in (html := await site.text(path(queue, job_id))):
            await asyncio.sleep(0.05)
    return html


async def test_a_job_on_its_way(redis: Redis, queue: QueueRef, redis_url: str, site: Site, gate: asyncio.Event) -> None:
    await put(redis, hold, "the-secret", job_id="one", queue=queue)
    html = await site.text(path(queue, "one"))
    assert all(word in html for word in ("page.hold", "Queued", "Enqueued", "Show arguments"))
    assert "the-secret" not in html
    assert "the-secret" in await site.text(path(queue, "one") + "&arguments=1")
    async with running(make_worker(redis_url, [hold], queues=(queue,))):
        html = await text_with(site, queue, "one", "a quarter")
        assert "Running" in html
        assert 'value="0.2500"' in html
        assert "a quarter" in await site.text(link("/jobs", {"queue": queue, "state": "running"}))
        gate.set()
        html = await text_with(site, queue, "one", "the-result")
        assert "Succeeded" in html
        assert "/jobs/cancel" not in html


async def test_a_running_job_is_cancelled(
    redis: Redis, queue: QueueRef, redis_url: str, site: Site, gate: asyncio.Event
) -> None:
    await put(redis, hold, "", job_id="one", queue=queue)
    async with running(make_worker(redis_url, [hold], queues=(queue,))):
        await text_with(site, queue, "one", "a quarter")
        answer = await site.post(path(queue, "one", "/jobs/cancel"))
        assert answer.headers["location"] == path(queue, "one") + "&did=cancelled"
        await text_with(site, queue, "one", "Cancelled")


async def test_a_dead_job_is_retried(
    redis: Redis, queue: QueueRef, redis_url: str, site: Site, gate: asyncio.Event
) -> None:
    await put(redis, fail, job_id="one", queue=queue)
    async with running(make_worker(redis_url, [fail], queues=(queue,))):
        html = await text_with(site, queue, "one", "Traceback")
        assert "ValueError: the-error" in html
        assert "unknown format" not in html
        assert "called without arguments" in await site.text(path(queue, "one") + "&arguments=1")
        assert "raise ValueError(&#34;the-error&#34;)" in html
        await site.post(link("/queues/pause", {"queue": queue}))
        answer = await site.post(path(queue, "one", "/jobs/retry"))
        assert answer.headers["location"] == path(queue, "one") + "&did=revived"
        html = await site.text(answer.headers["location"])
        assert "is back in its queue" in html
        assert "Revived" in html
        await site.post(link("/queues/resume", {"queue": queue}))
        await text_with(site, queue, "one", "Dead")


async def test_a_deferred_job_is_run_now(
    redis: Redis, queue: QueueRef, redis_url: str, site: Site, gate: asyncio.Event
) -> None:
    gate.set()
    await put(redis, hold, "", job_id="one", due_ms=2**41, queue=queue)
    assert "Run now" in await site.text(path(queue, "one"))
    answer = await site.post(path(queue, "one", "/jobs/retry"))
    assert answer.headers["location"] == path(queue, "one") + "&did=promoted"
    async with running(make_worker(redis_url, [hold], queues=(queue,))):
        assert (await result_of(redis, "one", queue)).success


async def test_an_unknown_job(redis: Redis, queue: QueueRef, site: Site) -> None:
    await put(redis, "mail.send", job_id="other", queue=queue, delay_ms=60_000)  # so that the queue is known
    assert (await site.client.get(path(queue, "nobody"))).status_code == 404
    for act in ("cancel", "retry"):
        answer = await site.post(path(queue, "nobody", f"/jobs/{act}"))
        assert answer.headers["location"] == path(queue, "nobody") + "&did=nothing"


async def test_a_job_is_found_by_its_id(redis: Redis, queue: QueueRef, site: Site) -> None:
    await put(redis, "mail.send", job_id="the-id", queue=queue)
    assert path(queue, "the-id").replace("&", "&amp;") in await site.text("/jobs?state=deferred&name=the-id")
    await admin.purge(redis, queue)
