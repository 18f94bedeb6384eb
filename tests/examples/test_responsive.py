"""The page that stays responsive: the same picture both ways, and a clock that runs on while jobs draw."""

from __future__ import annotations

import asyncio
import io
import json

from rich.console import Console

from monarq.examples.responsive import Picture, check, open_studio
from monarq.examples.stage.pool import LocalPool

SMALL = Picture(width=300, height=60, longest=600)


async def test_the_clock_runs_on_while_the_pool_draws(pool: LocalPool) -> None:
    async with open_studio(pool.url, SMALL) as studio:
        here = await studio.draw_here()
        pooled = await studio.draw_with_pool()
    assert here.rows == pooled.rows
    assert sorted(here.rows) == list(range(SMALL.height))
    assert here.longest_freeze_s > here.seconds / 2
    assert pooled.longest_freeze_s < here.longest_freeze_s / 2


async def test_a_browser_sees_rows_and_clock_as_they_come(pool: LocalPool) -> None:
    async with open_studio(pool.url, SMALL) as studio:
        port = int(studio.page.url.rsplit(":", 1)[1].strip("/"))
        events, listening = await asyncio.open_connection("127.0.0.1", port)
        listening.write(b"GET /events HTTP/1.1\r\n\r\n")
        await events.readuntil(b"\r\n\r\n")
        answer, pressing = await asyncio.open_connection("127.0.0.1", port)
        pressing.write(b"POST /pool HTTP/1.1\r\n\r\n")

        seen: list[str] = []
        rows = set()
        while not {"seconds", "clock"} <= set(seen):
            event = json.loads((await events.readuntil(b"\n\n"))[6:])
            seen += event
            rows.add(event.get("row"))
        assert (await answer.read()).startswith(b"HTTP/1.1 204 ")
        listening.close()
        pressing.close()
    assert rows - {None} == set(range(SMALL.height))


async def test_the_check_shows_both_ways(pool: LocalPool) -> None:
    console = Console(file=io.StringIO(), width=100)
    assert await check(pool.url, Picture(60, 20, 50), console)
    assert isinstance(console.file, io.StringIO)
    assert "the pictures are the same" in console.file.getvalue()
    assert "longest freeze" in console.file.getvalue()
