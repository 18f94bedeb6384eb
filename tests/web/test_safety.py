"""What others put into Redis, or on their own sites, does nothing in the browser of who looks at the page."""

from __future__ import annotations

import re
import time
from urllib.parse import quote

import msgspec
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from uvicorn import Config, Server

from monarq.monitor.admin import admin
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import write_payload
from tests.cli.command import heard, start, stop
from tests.monitor.web.dead_letters import write_dead_letter
from tests.monitor.web.site import served
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.workers import put
from tests.web.hostile import HOSTILE

pytestmark = OF_ARQ

KEYS = QueueKeys.of(DEFAULT_QUEUE)
OWN = """document.querySelectorAll(`script, iframe, object, embed, base, style, [onerror], [onload], [onfocus],
  form:not([action^="/"]):not([method="dialog"])`).length"""
TOKEN = "a-token-of-the-tests"


async def test_hostile_texts_stay_texts(tab: Page, site: str, redis: Redis) -> None:
    await fill(redis)
    asked = quote("".join(HOSTILE[:20]), safe="")
    paths = ["/", "/queues", "/workers", "/dead", "/cron", "/jobs", "/jobs?state=running", "/jobs?state=ended"]
    fields = "&".join(f"{name}={asked}" for name in ("queue", "name", "error", "did", "span", "after", "state"))
    paths += [f"/{page}?{fields}" for page in ("", "jobs", "dead", "queues/purge", "dead/confirm")]
    paths += [f"/jobs/job?queue=arq:queue&arguments=1&id={quote(text, safe='')}" for text in HOSTILE]
    paths += [f"/?queue={quote(text, safe='')}" for text in HOSTILE[::10]]
    for path in paths:
        await tab.goto(site + path)
        await expect(tab.locator("h1")).to_be_visible()
        assert await tab.evaluate(OWN) == 2, path
        assert await tab.title() != ""
    one = f"/jobs/job?queue=arq:queue&arguments=1&id={quote(HOSTILE[3], safe='')}"
    for path in ("/", "/dead", "/workers", "/jobs", one):
        await tab.goto(site + path)
        await expect(tab.locator("#live-switch")).to_have_attribute("data-state", "live")
        assert await tab.evaluate(OWN) == 2, path
    assert HOSTILE[3] in await tab.locator("main").inner_text()


async def fill(redis: Redis) -> None:
    """Puts every text into every field that others write."""
    now_ms = time.time_ns() // 1_000_000
    workers = []
    for text in HOSTILE:
        raw_id = text.encode()
        payload = write_payload(MSGPACK, text, (text,), {text: text}, now_ms)
        await write_dead_letter(
            redis,
            raw_id,
            name=text,
            error=f"{text}: {text}",
            traceback=text * 2,
            worker=text,
            crash_note=text,
            payload=payload,
        )
        await put(redis, text, text, job_id=f"{text} waits", due_ms=now_ms + 10_000_000)
        await redis.zadd(names.QUEUES, {text: now_ms})
        job = {"id": text, "name": text, "queue": text, "started_ms": now_ms}
        record = {"host": text, "version": text, "queues": [text], "running": 1, "restarts": 1, "running_jobs": [job]}
        await redis.set(KEYS.worker(text), msgspec.json.encode(record), ex=300)
        workers.append(text)
        cron = {"name": text, "job": text, "schedule": text, "zone": text, "next_ms": now_ms, "told_ms": now_ms}
        await redis.hset(KEYS.crons, text, msgspec.json.encode(cron).decode())  # type: ignore[misc]
        await redis.lpush(KEYS.recent, f"{now_ms}\0done\x005\0{text}\0{text}".encode())  # type: ignore[misc]
        await redis.set(DEFAULT_QUEUE + names.HEALTH_CHECK_SUFFIX, text, ex=300)
    await redis.zadd(KEYS.workers, dict.fromkeys(workers, now_ms + 300_000))
    for key in (names.QUEUES, KEYS.workers, KEYS.crons, KEYS.recent):
        await redis.expire(key, 300)


ATTACK = """<body><form id=f method=post action="TARGET/queues/pause?queue=arq:queue"></form><script type=module>
const target = "TARGET", done = [];
const add = (kind, path) => new Promise((yes, no) => {
  const node = Object.assign(document.createElement(kind), { src: target + path, onerror: no });
  node.onload = () => yes(node);
  document.body.append(node);
});
const attempts = {
  post: async () => (await fetch(target + "/queues/pause?queue=arq:queue", { method: "POST", mode: "no-cors" })).type,
  read: async () => (await (await fetch(target + "/dead")).text()).length,
  live: () => new Promise((yes, no) => {
    const stream = new EventSource(target + "/live?of=/");
    stream.onmessage = yes;
    stream.onerror = no;
  }),
  script: () => add("script", "/static/page.js"),
  frame: async () => (await add("iframe", "/")).contentDocument.title,
};
for (const [what, attempt] of Object.entries(attempts)) {
  try { done.push(what + " " + await attempt()); } catch { done.push(what + " refused"); }
}
window.done = done;
</script>"""


async def test_another_origin_can_do_nothing(browser: Browser, site: str, redis: Redis) -> None:
    """A site that whoever looks at the page has open as well."""

    async def answer(request: Request) -> HTMLResponse:
        return HTMLResponse(ATTACK.replace("TARGET", site))

    host = Starlette(routes=[Route("/", answer)])
    async with served(host, Server(Config(host, lifespan="off", log_config=None))) as evil:
        page = await browser.new_page()
        await page.goto(evil.url.replace("127.0.0.1", "localhost"))
        done = await (await page.wait_for_function("window.done")).json_value()
        assert done == ["post refused", "read refused", "live refused", "script refused", "frame refused"]
        await page.evaluate("document.getElementById('f').submit()")
        await expect(page.get_by_text("must come from this page itself")).to_be_visible()
        assert await admin.paused_since_ms(redis, ARQ_QUEUE) is None
        await page.close()


async def test_a_name_that_is_not_ours_is_refused(tab: Page, site: str) -> None:
    answer = await tab.goto(site.replace("127.0.0.1", "rebind.example"))
    assert answer is not None
    assert answer.status == 403
    await expect(tab.get_by_text("this Host is not allowed")).to_be_visible()


async def test_opening_what_changes_something_changes_nothing(tab: Page, site: str, redis: Redis) -> None:
    for path in ("/queues/pause?queue=arq:queue", "/dead/retry", "/dead/delete", "/jobs/cancel?queue=arq:queue&id=x"):
        answer = await tab.goto(site + path)
        assert answer is not None
        assert answer.status == 405
    assert await admin.paused_since_ms(redis, ARQ_QUEUE) is None


async def test_one_logs_in_by_the_form(browser: Browser, tab: Page, redis_url: str) -> None:
    process = await start("web", "--port", "0", url=redis_url, env={"MONARQ_WEB_TOKEN": TOKEN})
    found = re.search(r"http://\S+", await heard(process, "the page is at"))
    assert found
    site = found[0].rstrip("/")
    await tab.goto(f"{site}/dead?name=x")
    await expect(tab).to_have_title("Log in · monarq")
    await tab.get_by_label("Token").fill("wrong-token")
    await tab.get_by_role("button", name="Log in").click()
    await expect(tab.get_by_role("alert")).to_be_visible()
    await tab.get_by_label("Token").fill(TOKEN)
    await tab.get_by_role("button", name="Log in").click()
    await tab.wait_for_url(f"{site}/dead?name=x")
    await expect(tab.locator("#live-switch")).to_have_attribute("data-state", "live")
    assert await tab.evaluate("document.cookie") == ""
    stranger = await browser.new_page()
    answer = await stranger.goto(f"{site}/dead")
    assert answer is not None
    assert "/login" in stranger.url
    await stranger.close()
    await tab.get_by_role("button", name="Log out").click()
    await expect(tab).to_have_title("Log in · monarq")
    assert (await stop(process)).code == 0
