"""The page in a real browser, while a real pool runs jobs: it shows what goes on, and does what is clicked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from monarq import Producer
from monarq.monitor.admin import admin
from monarq.monitor.jobs.dead_letters import count_dead_letters
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from tests.cli.command import worker
from tests.support.queues import NATIVE_QUEUE
from tests.support.slowness import in_time
from tests.web import jobs

PAGES = ("/", "/?span=1h", "/queues", "/queues/purge?queue=default", "/jobs", "/jobs?state=ended", "/workers")
PAGES += ("/jobs?state=running", "/dead", "/dead/confirm", "/cron", "/nowhere")
SHORTCUTS = {"gq": "/queues", "gw": "/workers", "gd": "/dead", "gj": "/jobs", "gc": "/cron", "go": "/"}

ILL_FITTING = """[...document.querySelectorAll("table.rows tr")].flatMap((row) => [...row.cells]
    .filter((cell) => cell.scrollWidth > cell.clientWidth + 1 || cell.offsetHeight !== row.cells[0].offsetHeight)
    .filter((cell) => cell.offsetParent && !cell.querySelector(".hidden"))
    .map((cell) => `${cell.innerText}: ${cell.scrollWidth} in ${cell.clientWidth}, ${cell.offsetHeight} high`))"""
"""The cells of tables that what they hold does not fit into, or that are not as high as their row."""


CUT_NOTES = """[...document.querySelectorAll(".tile .note")].filter((note) => note.scrollWidth > note.clientWidth)
    .map((note) => note.innerText)"""
"""What stands below the figures and does not fit."""


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url) as producer:
        yield producer


async def number_in(tab: Page, tile: str) -> str:
    """The figure of a tile."""
    return await tab.locator(".tile", has=tab.get_by_text(tile, exact=True)).locator(".figure").inner_text()


async def test_numbers_change_while_jobs_run(tab: Page, site: str, redis_url: str, producer: Producer) -> None:
    await tab.goto(site)
    await expect(tab.locator("#live-switch")).to_have_attribute("data-state", "live")
    assert await number_in(tab, "Throughput") == "0"
    await expect(tab.get_by_text("No worker is running.")).to_be_visible()
    await tab.evaluate("window.sameDocument = true")
    async with worker(redis_url, "tests.web.jobs"):
        await expect(tab.get_by_text("No worker is running.")).to_be_hidden()
        for _ in range(8):
            await producer.enqueue_many(jobs.quick, [(number,) for number in range(50)])
            await asyncio.sleep(0.5)
        await producer.enqueue(jobs.broken)
        await expect(tab.get_by_role("link", name="web.broken").first).to_be_visible()
        async with in_time(15):
            while await number_in(tab, "Throughput") == "0":
                await asyncio.sleep(0.1)
        await expect(tab.locator("[data-key='web.quick'] .num").first).to_have_text("400")
        await expect(tab.locator(".plot svg path.trace")).to_have_count(4)
        async with in_time(15):
            while "at most 0" in (await tab.locator(".plot").first.get_attribute("aria-label") or ""):
                await asyncio.sleep(0.1)
    assert await tab.evaluate("window.sameDocument")


async def test_a_queue_is_paused_and_resumed(tab: Page, site: str, redis: Redis) -> None:
    await tab.goto(f"{site}/queues")
    await tab.get_by_role("button", name="Pause").click()
    await expect(tab.get_by_text("The queue is paused")).to_be_visible()
    await expect(tab.locator("tbody .status")).to_have_text("Paused")
    assert await admin.paused_since_ms(redis, NATIVE_QUEUE)
    await tab.get_by_role("button", name="Resume").click()
    await expect(tab.get_by_role("button", name="Pause")).to_be_visible()
    assert not await admin.paused_since_ms(redis, NATIVE_QUEUE)


async def test_a_running_job_shows_its_progress_and_is_cancelled(
    tab: Page, site: str, redis_url: str, producer: Producer
) -> None:
    async with worker(redis_url, "tests.web.jobs"):
        handle = await producer.enqueue(jobs.long)
        await tab.goto(f"{site}/jobs?state=running")
        await tab.get_by_role("link", name="web.long").click()
        bar = tab.locator(".progress-line progress")
        seen = {await bar.get_attribute("value")}
        async with in_time(15):
            while len(seen) < 4:  # not by the first news alone
                await asyncio.sleep(0.1)
                seen.add(await bar.get_attribute("value"))
        await tab.get_by_role("button", name="Cancel").click()
        await expect(tab.locator("h1 .status").first).to_have_text("Cancelled")
        await expect(tab.get_by_role("button", name="Cancel")).to_be_hidden()
        assert str(await handle.state()) == "cancelled"


async def test_dead_letters_are_retried_and_deleted(
    tab: Page, site: str, redis: Redis, redis_url: str, producer: Producer
) -> None:
    async with worker(redis_url, "tests.web.jobs"):
        await producer.enqueue_many(jobs.broken, [()] * 4)
        await tab.goto(f"{site}/dead")
        await expect(tab.locator("tbody tr")).to_have_count(4)
        await admin.pause(redis, NATIVE_QUEUE)
        await tab.get_by_role("button", name="Retry").first.click()
        await expect(tab.get_by_text("1 job is put back into the queue.")).to_be_visible()
        await expect(tab.locator("tbody tr")).to_have_count(3)
        await tab.get_by_role("button", name="Delete").first.click()
        await expect(tab.locator("tbody tr")).to_have_count(2)
        await tab.get_by_role("link", name="web.broken").first.click()
        await expect(tab.get_by_text("raise ValueError")).to_be_visible()
        await tab.get_by_role("button", name="Delete").click()
        await expect(tab.locator("tbody tr")).to_have_count(1)
        await tab.get_by_role("link", name="Delete…").click()
        await tab.get_by_role("button", name="Delete them").click()
        await expect(tab.get_by_text("No dead letters.")).to_be_visible()
        assert await count_dead_letters(redis, NATIVE_QUEUE) == 0
        await admin.resume(redis, NATIVE_QUEUE)
        await expect(tab.locator("tbody tr")).to_have_count(1)  # what was retried dies again, and is shown by itself


async def test_the_keyboard_is_enough(tab: Page, site: str) -> None:
    await tab.goto(site)
    await tab.keyboard.press("Tab")
    await expect(tab.locator(".skip")).to_be_focused()
    for keys, path in SHORTCUTS.items():
        for key in keys:
            await tab.keyboard.press(key)
        await tab.wait_for_url(f"{site}{path}")
    await tab.keyboard.press("?")
    await expect(tab.locator("dialog")).to_be_visible()
    await tab.keyboard.press("Escape")
    await expect(tab.locator("dialog")).to_be_hidden()
    await tab.keyboard.press("p")
    await expect(tab.locator("#live-switch")).to_have_attribute("data-state", "paused")
    await tab.keyboard.press("t")
    await expect(tab.locator("html")).to_have_attribute("data-theme", "light")
    await tab.goto(f"{site}/jobs")
    await expect(tab.locator("html")).to_have_attribute("data-theme", "light")
    await tab.keyboard.press("/")
    await expect(tab.locator("[data-search]")).to_be_focused()
    await tab.keyboard.type("gq?")
    await expect(tab.locator("[data-search]")).to_have_value("gq?")


@pytest.mark.parametrize("path", ["/jobs", "/dead"])
async def test_what_somebody_types_while_the_first_news_comes_stays(tab: Page, site: str, path: str) -> None:
    await tab.add_init_script(
        "addEventListener('DOMContentLoaded', () => {"
        " const field = document.querySelector('[data-search]'); field.focus(); field.value = 'mail'; })"
    )
    await tab.goto(f"{site}{path}")
    await expect(tab.locator("#live-switch")).to_have_attribute("data-state", "live")
    await expect(tab.locator("[data-search]")).to_be_focused()
    await expect(tab.locator("[data-search]")).to_have_value("mail")


@pytest.mark.parametrize("width", [360, 768, 1010, 1280])
async def test_nothing_is_wider_than_the_window(
    browser: Browser, site: str, redis_url: str, producer: Producer, width: int
) -> None:
    async with worker(redis_url, "tests.web.jobs"):
        await producer.enqueue_many(jobs.broken, [()] * 2)
        handle = await producer.enqueue(jobs.broken.options(job_id="x" * 300))
        with pytest.raises(ValueError, match="broken"):
            await handle.result()
        running = await producer.enqueue(jobs.long)
        tab = await browser.new_page(viewport={"width": width, "height": 740})
        found = []
        for path in (*PAGES, f"/jobs/job?queue=default&id={'x' * 300}&arguments=1"):
            await tab.goto(site + path)
            too_wide = await tab.evaluate("document.documentElement.scrollWidth - innerWidth")
            found += [f"{path} is {too_wide} px wider than {width}"] if too_wide > 0 else []
            found += [f"{path}: {cell}" for cell in await tab.evaluate(ILL_FITTING)]
        await running.cancel()
    assert found == []


@pytest.mark.parametrize("width", [390, 768, 1280])
async def test_what_is_below_large_figures_fits(browser: Browser, site: str, redis: Redis, width: int) -> None:
    now_s = (await redis.time())[0]
    key = f"{QueueKeys.of(DEFAULT_QUEUE).base}second:{now_s - 100}"
    await redis.hset(key, mapping={"enqueued": 900_000, "succeeded": 890_000, "failed": 9_999})  # type: ignore[misc]
    await redis.expire(key, 600)
    await redis.hset(QueueKeys.of(DEFAULT_QUEUE).stats, "enqueued", 900_000)  # type: ignore[misc]  # so that it is listed
    await redis.expire(QueueKeys.of(DEFAULT_QUEUE).stats, 600)
    tab = await browser.new_page(viewport={"width": width, "height": 740})
    await tab.goto(site)
    await expect(tab.get_by_text("9,999 of 900k, 5 min")).to_be_visible()
    assert await tab.evaluate(CUT_NOTES) == []


async def test_nothing_jumps_while_numbers_change(tab: Page, site: str, redis_url: str, producer: Producer) -> None:
    async with worker(redis_url, "tests.web.jobs"):
        await producer.enqueue(jobs.broken)
        await producer.enqueue_many(jobs.quick, [(number,) for number in range(100)])
        await tab.goto(site)
        await expect(tab.locator("[data-key='web.quick'] .num").first).to_have_text("100", timeout=20_000)
        await tab.evaluate(
            "window.jumps = 0; new PerformanceObserver((list) => { for (const one of list.getEntries())"
            " window.jumps += one.value; }).observe({ type: 'layout-shift', buffered: false })"
        )
        for _ in range(8):
            await producer.enqueue_many(jobs.quick, [(number,) for number in range(500)])
            await asyncio.sleep(0.5)
        assert await tab.evaluate("window.jumps") < 0.05
