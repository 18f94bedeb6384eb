"""The page that stays responsive: measured and looked at over real connections, with a real server and workers."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import re
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from rich.console import Console

from monarq.examples import responsive, responsive_app
from monarq.examples.harness.pool import LocalPool
from monarq.examples.responsive import MissingExtraError, check, measure, web_server
from monarq.examples.responsive_app import EventBroadcaster, Picture
from monarq.shared.extras import install_command
from tests.examples.test_pool import Start
from tests.support.slowness import in_time, patience_s

SMALL = Picture(width=240, height=80, longest=600, jobs=40)
OPTIONS = ("--picture", *map(str, SMALL))


@pytest.fixture(scope="module")
def url(pool: LocalPool) -> Iterator[str]:
    with web_server(pool.url, *OPTIONS) as url:
        yield url


@pytest.fixture
async def browser(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=patience_s(30), trust_env=False, verify=False) as client:
        yield client


def test_the_page_answers_while_jobs_draw_and_not_while_a_request_does(url: str) -> None:
    alone, pooled, here = measure(url, alone_s=0.3)
    assert pooled.points == here.points > 0
    assert alone.quantile_ms(0.5) < here.quantile_ms(0.5)
    assert pooled.quantile_ms(0.5) < here.quantile_ms(0.5) / 2
    assert here.times_s[-1] > here.seconds / 2, "it stood still"


async def test_a_browser_sees_progress_rows_and_clock_as_they_come(browser: httpx.AsyncClient) -> None:
    seen: list[dict[str, Any]] = []
    async with in_time(30), browser.stream("GET", "/events") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": hello"
        drawing = asyncio.create_task(browser.post("/draw/monarq"))
        async for line in lines:
            if line.startswith("data: "):
                seen.append(json.loads(line[6:]))
            if seen and seen[-1]["kind"] == "end":
                break
        assert (await drawing).json()["points"] > 0
    assert {event["kind"] for event in seen} == {"begin", "progress", "rows", "clock", "end"}
    assert {event["job"] for event in seen if event["kind"] == "rows"} == set(range(SMALL.jobs))
    assert sum(len(event["rows"]) for event in seen if event["kind"] == "rows") == SMALL.height
    last = {event["job"]: event["share"] for event in seen if event["kind"] == "progress"}
    assert last == dict.fromkeys(range(SMALL.jobs), 1)


async def test_the_page_itself(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "{{now}}" not in page.text
    assert (await browser.post("/draw/otherwise")).status_code == 404
    assert (await browser.get("/draw/monarq")).status_code == 405
    assert (await browser.get("/", headers={"Host": "elsewhere.example"})).status_code == 400


async def test_a_browser_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responsive_app, "BACKLOG", 10)
    broadcaster = EventBroadcaster()
    slow, quick = broadcaster.subscribe(), broadcaster.subscribe()
    assert [await anext(slow), await anext(quick)] == [": hello\n\n"] * 2
    for number in range(20):
        broadcaster.publish(number=number)
        assert json.loads((await anext(quick))[6:]) == {"number": number}
    assert len([line async for line in slow]) == 10


def test_the_check_shows_both_ways(pool: LocalPool) -> None:
    console = Console(file=io.StringIO(), width=100)
    assert check(pool.url, console, "--picture", "60", "20", "50", "10")
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(
        words in shown for words in ("p99", "jobs of monarq draw", "a request draws", "the pictures are the same")
    )


def test_without_the_web_packages_it_says_what_to_install(pool: LocalPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    told = re.escape(f"this example needs Starlette and uvicorn: {install_command('web')}")
    with pytest.raises(MissingExtraError, match=told), web_server(pool.url):
        pass


def test_a_server_that_does_not_start_is_an_error(pool: LocalPool) -> None:
    with pytest.raises(responsive.MonarqError, match="exited at its start"), web_server(pool.url, "--port", "-1"):
        pass


def test_nothing_is_left_when_the_script_is_killed(start: Start, pool: LocalPool) -> None:
    script = start("-m", "examples.responsive", "--redis", pool.url, "--serve", "--port", "0")
    script.read_until("Open http://127.0.0.1:")
    assert len(script.living()) == 2
    script.process.send_signal(signal.SIGKILL)
    assert script.leftovers(within_s=15) == []
