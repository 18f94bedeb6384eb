"""The examples in a sandbox, as applications that use monarq are tested: no pool, no worker, no waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from monarq import Producer, Progress
from monarq.examples import jobs
from monarq.examples.fastapi_app import app
from monarq.examples.jobs import add, count_in_steps, draw_rows, fail, flaky, read_size
from monarq.examples.produce import produce
from monarq.testing import Sandbox, run_inline, sync_context


@pytest.fixture
def monarq_app() -> object:
    return jobs


async def test_a_flaky_job_is_tried_again_until_it_works(monarq: Sandbox) -> None:
    async with Producer() as producer:
        handle = await producer.enqueue(flaky, 7)
        while monarq.enqueued(flaky):
            await monarq.drain()
            monarq.travel("10s")
        assert await handle.result() == 7
    assert monarq.ended[0].job_try > 1


async def test_the_error_of_a_job_is_raised_where_it_is_run(monarq: Sandbox) -> None:
    async with Producer() as producer:
        await producer.enqueue(fail, 4)
    with pytest.raises(ValueError, match="job number 4 fails"):
        await monarq.drain()


async def test_a_program_that_waits_for_its_jobs_gets_all_of_them(monarq: Sandbox) -> None:
    producing = asyncio.create_task(produce(20, wait_ms=1))
    while not producing.done():
        await monarq.drain()
        await asyncio.sleep(0.01)
    assert await producing == 0
    assert len(monarq.ended) == 20
    assert sum(ended.job_name == add.name for ended in monarq.ended) == 14


async def test_jobs_are_called_without_redis_as_well(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert await run_inline(read_size, str(tmp_path / "file")) == 5
    reports: list[Progress] = []
    [row] = draw_rows(sync_context(reports=reports), 0, 1, width=3, height=2, longest=10)
    assert len(row) == 3
    assert [report.share for report in reports] == [1 / 3, 2 / 3, 1.0]


async def test_a_web_application_enqueues_a_job_and_shows_its_result(monarq: Sandbox) -> None:
    async with (
        app.router.lifespan_context(app) as state,
        httpx.AsyncClient(transport=httpx.ASGITransport(WithState(state)), base_url="http://shop") as client,
    ):
        job_id = (await client.post("/counts", params={"below": 1000})).json()["job_id"]
        assert monarq.assert_enqueued(count_in_steps, 1000).job_id == job_id
        assert (await client.get(f"/counts/{job_id}")).json()["state"] == "queued"
        await monarq.drain()
        found = (await client.get(f"/counts/{job_id}")).json()
    assert (found["state"], found["result"], found["error"]) == ("succeeded", 168, None)


class WithState:
    """Adds what the lifespan yielded to each request, as servers do."""

    def __init__(self, state: Mapping[str, Any] | None) -> None:
        self._state = dict(state or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": self._state}, receive, send)
