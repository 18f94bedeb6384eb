"""The FastAPI example: its page, a job that it starts and follows, its login, and how long it takes under load."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from rich.console import Console

from monarq.examples import fastapi_load
from monarq.examples.harness.pool import LocalPool
from monarq.examples.responsive import web_server
from tests.support.slowness import in_time, patience_s


@pytest.fixture(scope="module")
def url(pool: LocalPool) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PASSWORD", "open sesame")
        with web_server(pool.url, module=fastapi_load.APP) as url:
            yield url


@pytest.fixture
async def browser(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=patience_s(30), trust_env=False, verify=False) as client:
        yield client


async def test_a_job_is_started_followed_and_shown(browser: httpx.AsyncClient) -> None:
    assert "EventSource" in (await browser.get("/")).text
    started = await browser.post("/counts", params={"below": 1_000_000})
    assert started.status_code == 202
    job_id = started.json()["job_id"]
    async with in_time(30), browser.stream("GET", f"/counts/{job_id}/events") as events:
        lines = [line async for line in events.aiter_lines()]
    assert 'data: {"state":"succeeded","result":78498}' in lines
    shown = (await browser.get(f"/counts/{job_id}")).json()
    assert (shown["state"], shown["result"], shown["error"]) == ("succeeded", 78498, None)
    assert (await browser.get("/counts/nobody")).status_code == 404


async def test_the_queue_page_is_behind_the_login(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/queue/")).status_code == 401
    assert (await browser.get("/queue/", auth=("ann", "wrong"))).status_code == 401
    for odd in ("Basic x", "Basic ü"):
        assert (await browser.get("/queue/", headers={"Authorization": odd.encode("latin-1")})).status_code == 401
    page = await browser.get("/queue/", auth=("ann", "open sesame"))
    assert (page.status_code, "monarq" in page.text) == (200, True)


def test_the_page_keeps_its_times_while_jobs_are_followed(pool: LocalPool) -> None:
    console = Console(file=io.StringIO(), width=100)
    alone, beside = fastapi_load.check(pool.url, console, jobs=30, below=1_000_000)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "30 jobs are followed" in shown
    assert "each job counted 78498 primes" in shown
    # A loaded machine may make any one answer wait; half of them it does not.
    assert beside.quantile_ms(0.5) < alone.quantile_ms(0.5) + patience_s(50)
