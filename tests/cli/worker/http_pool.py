"""A pool of real processes with HTTP ports, and what is heard there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.cli.command import heard, start, stop
from tests.support.slowness import in_time


class HttpPool:
    """A pool and its one port."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, client: httpx.AsyncClient) -> None:
        self.process = process
        self._url = url
        self._client = client

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(self._url + path)

    async def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = await self.get(path)
        return answer.status_code, answer.json()

    async def until(self, path: str, code: int, words: str = "") -> dict[str, Any]:
        """Asks until it says so."""
        async with in_time(20):
            while True:
                status, body = await self.ask(path)
                if status == code and words in "; ".join(body["problems"]):
                    return body
                await asyncio.sleep(0.05)


@asynccontextmanager
async def http_pool(
    url: str, *args: str, workers: int = 1, ports: tuple[str, ...] = ("--health-port", "0")
) -> AsyncIterator[HttpPool]:
    """A pool for the life of the block."""
    process = await start("worker", "tests.cli.target", "-w", str(workers), "--grace", "10", *ports, *args, url=url)
    found = re.search(r"monarq: serving (http://127\.0\.0\.1:\d+)/", await heard(process, "serving http://"))
    assert found
    async with httpx.AsyncClient(verify=False) as client:
        yield HttpPool(process, found[1], client)
    if process.returncode is None:
        await stop(process)
