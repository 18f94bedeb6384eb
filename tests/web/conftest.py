"""What the page's tests in a browser share: a chromium, a page that is served as users serve it, a pool of workers."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.cli.command import end_all, heard, start, stop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP rebind.example 127.0.0.1",
]


expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a busy machine takes its time."""
    for item in items:
        item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(autouse=True)
async def nothing_is_left_running() -> AsyncIterator[None]:
    """Whatever becomes of a test, the processes that it has started end with it."""
    yield
    await end_all()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Page]:
    """A tab that lets nothing pass: errors of scripts, violations of the content policy, dialogs."""
    page = await browser.new_page()
    page.set_default_timeout(30_000)
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    page.on("console", lambda said: trouble.append(f"{said.type}: {said.text}") if is_trouble(said) else None)
    yield page
    await page.close()
    assert trouble == []


def is_trouble(said: ConsoleMessage) -> bool:
    """Whether the console tells of more than an answer that was no 200, or of advice."""
    return said.type in {"error", "warning"} and not said.text.startswith(
        ("Failed to load resource", "The Cross-Origin-Opener-Policy header has been ignored")
    )


@pytest.fixture
async def site(redis_url: str) -> AsyncIterator[str]:
    """The page, as `monarq web` serves it."""
    process = await start("web", "--port", "0", url=redis_url)
    found = re.search(r"http://\S+", await heard(process, "the page is at"))
    assert found
    yield found[0].rstrip("/")
    assert (await stop(process)).code == 0
