"""The live broadcast: one reading a second for all viewers, none without any, and a view when Redis is away."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from redis.asyncio import Redis

from monarq.monitor.web.base.live_broadcast import LiveBroadcast
from monarq.monitor.web.base.page_request import PageRequest
from tests.monitor.web.dead_letters import write_dead_letter
from tests.monitor.web.site import TOKEN, Site, page, stream
from tests.support.slowness import in_time, patience_s

NOWHERE = "redis://127.0.0.1:1"


async def test_updates_are_pushed(redis: Redis, site: Site) -> None:
    async with in_time(10), stream(site, "/") as news:
        assert "Nothing has failed" in await anext(news)
        await write_dead_letter(redis, b"ann", name="mail.send")
        async for html in news:
            if "mail.send" in html:
                break


async def test_each_page_has_its_own_updates(redis: Redis, site: Site) -> None:
    await write_dead_letter(redis, b"ann", name="mail.send")
    async with in_time(10), stream(site, "/dead?name=resize") as news:
        assert "No dead letter matches" in await anext(news)


async def test_viewers_share_one_reading_and_without_viewers_there_is_none() -> None:
    readings = 0

    async def render(asked: PageRequest) -> str:
        nonlocal readings
        readings += 1
        return f"{asked.path} {readings}"

    live_broadcast = LiveBroadcast(render)
    looking = [live_broadcast.subscribe(PageRequest("/")) for _ in range(20)]
    for viewer in looking:
        assert (await anext(viewer)).startswith(b"retry")
    first = [await anext(viewer) for viewer in looking]
    second = [await anext(viewer) for viewer in looking]
    assert set(first) == {b'data: "/ 1"\n\n'}
    assert set(second) == {b'data: "/ 2"\n\n'}
    assert (readings, live_broadcast.topics) == (2, 1)
    for viewer in looking:
        await viewer.aclose()
    assert live_broadcast.topics == 0
    await asyncio.sleep(1.2)
    assert readings == 2


async def test_a_closed_browser_is_noticed(redis: Redis, site: Site) -> None:
    async with stream(site, "/") as news:
        await anext(news)
        assert site.app.live_broadcast.topics == 1
    async with in_time(5):
        while site.app.live_broadcast.topics:
            await asyncio.sleep(0.02)


async def test_too_many_pages_are_refused(redis: Redis, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monarq.monitor.web.base.live_broadcast.MOST_TOPICS", 1)
    async with stream(site, "/") as news:
        await anext(news)
        assert (await site.client.get("/live", params={"of": "/workers"})).status_code == 503
        async with stream(site, "/") as more:
            await anext(more)


async def test_only_pages_have_updates(site: Site) -> None:
    for of in ("", "/live", "/login", "/dead/retry", "/static/page.css", "//x", "/nowhere"):
        assert (await site.client.get("/live", params={"of": of})).status_code == 404


async def test_a_redis_that_is_away_is_shown() -> None:
    async with page(NOWHERE) as site:
        answer = await site.client.get("/")
        assert answer.status_code == 503
        assert "cannot be reached" in answer.text
        async with in_time(10), stream(site, "/") as news:
            assert "cannot be reached" in await anext(news)


async def test_streams_end_with_the_server(redis: Redis) -> None:
    async with page(redis, token=TOKEN) as site:
        opened = site.client.stream(
            "GET", "/live", params={"of": "/"}, headers={"authorization": f"Bearer {TOKEN}"}, timeout=patience_s(15)
        )
        answer = await opened.__aenter__()
        lines = answer.aiter_lines()
        await anext(lines)
        site.app.live_broadcast.close()
        async with in_time(2):
            assert all("data" not in line or msgspec.json.decode(line[6:]) for line in [line async for line in lines])
        await opened.__aexit__(None, None, None)
