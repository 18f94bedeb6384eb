"""The page served on a real socket, and HTTP clients of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from redis.asyncio import Redis

from monarq.monitor.web.server import PageServer, bind
from monarq.web import create_app
from tests.support.slowness import in_time, patience_s

TOKEN = "a-token-of-the-tests"
USER = "ann:a-password-of-the-tests"


@dataclass(frozen=True)
class Site:
    """A page that is served."""

    app: Any
    url: str
    client: httpx.AsyncClient

    @property
    def origin(self) -> dict[str, str]:
        """What a browser sends with a form of the page's own."""
        return {"origin": self.url, "sec-fetch-site": "same-origin"}

    async def post(self, path: str, **options: Any) -> httpx.Response:
        """Changes something as the page's own forms do."""
        return await self.client.post(path, headers=self.origin, **options)

    async def text(self, path: str, **options: Any) -> str:
        """A page that must be there."""
        answer = await self.client.get(path, **options)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.text


@asynccontextmanager
async def served(app: Any, server: uvicorn.Server | None = None, **client: Any) -> AsyncIterator[Site]:
    """An ASGI app on a free port of loopback, and a client of it."""
    listener = bind("127.0.0.1", 0)
    server = server or PageServer(app)
    serving = asyncio.create_task(server.serve([listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        # Without `verify` each client reads all of the world's certificates: that took longer than most tests.
        async with httpx.AsyncClient(base_url=url, verify=False, **client) as http:
            async with in_time(10):
                while not server.started:
                    await asyncio.sleep(0.01)
            yield Site(app, url, http)
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def page(redis: Redis | str, **options: Any) -> AsyncIterator[Site]:
    """The page of a Redis."""
    async with served(create_app(redis, **options)) as site:
        yield site


@asynccontextmanager
async def stream(site: Site, of: str, prefix: str = "", **options: Any) -> AsyncIterator[AsyncIterator[str]]:
    """The live news of a page: the data of each event."""
    options = {"timeout": patience_s(15)} | options
    async with site.client.stream("GET", f"{prefix}/live", params={"of": of}, **options) as answer:
        assert answer.status_code == 200, answer.status_code
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        yield (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        with suppress(RuntimeError):
            await lines.aclose()  # type: ignore[attr-defined]
