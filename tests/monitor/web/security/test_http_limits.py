"""HTTP limits: connections without a complete request, or whose client does not read, are closed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from monarq.cli.worker.http_server import QuietServer
from monarq.monitor.web.security import http_limits
from monarq.monitor.web.server import PageServer
from monarq.web import create_app
from tests.monitor.web.site import TOKEN, Site, served
from tests.support.slowness import in_time, patience_s

HEAD = b"POST /login HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\ncontent-length: 100\r\n"
UNFINISHED = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"\r\ntoken=",
    "half of a second request": b"GET /login HTTP/1.1\r\nhost: localhost\r\n\r\nGET /lo",
    "no body after the answer": b"GET /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n",
}
LONGEST_S = 60


@asynccontextmanager
async def page_server() -> AsyncIterator[Site]:
    # No Redis is asked for by what is open.
    async with served(create_app("redis://127.0.0.1:1", token=TOKEN)) as site:
        yield site


@asynccontextmanager
async def worker_server() -> AsyncIterator[Site]:
    """What the ports of `monarq worker` are served by."""
    route = Route("/login", lambda _: PlainTextResponse("well"), methods=["GET", "POST"])
    async with served(None, QuietServer.of([route])) as site:
        yield site


@asynccontextmanager
async def connected(site: Site, data: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection over which this much was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
    try:
        writer.write(data)
        await writer.drain()
        yield reader
    finally:
        writer.close()


async def until_closed(reader: asyncio.StreamReader) -> None:
    async with in_time(LONGEST_S):
        with suppress(ConnectionResetError):
            await reader.read()


@pytest.mark.parametrize("serving", [page_server, worker_server])
@pytest.mark.parametrize("data", UNFINISHED.values(), ids=UNFINISHED.keys())
async def test_an_unfinished_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, serving: object, data: bytes
) -> None:
    monkeypatch.setattr(http_limits, "REQUEST_S", 0.2)
    async with serving() as site, connected(site, data) as reader:  # type: ignore[operator]
        await until_closed(reader)
    assert not caplog.records


async def test_single_bytes_do_not_extend_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "REQUEST_S", 0.3)
    async with page_server() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
        writer.write(HEAD + b"x-slow: ")
        closed = asyncio.create_task(until_closed(reader))
        while not closed.done():
            writer.write(b"y")
            await asyncio.wait([closed], timeout=0.05)
        await closed
        writer.close()


async def test_an_answer_may_take_longer_than_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "REQUEST_S", 0.2)
    fired = asyncio.Event()

    async def answer(_: object) -> PlainTextResponse:
        asyncio.get_running_loop().call_later(3 * http_limits.REQUEST_S, fired.set)
        await fired.wait()
        return PlainTextResponse("at last")

    async with served(None, QuietServer.of([Route("/", answer)])) as site:
        assert await site.text("/", timeout=patience_s(LONGEST_S)) == "at last"


async def test_a_client_that_does_not_read_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "READ_S", 0.2)
    route = Route("/", lambda _: PlainTextResponse(b"x" * 50_000_000))
    server = QuietServer.of([route])
    async with served(None, server) as site:
        with socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2]))) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            async with in_time(LONGEST_S):
                while not server.server_state.total_requests and not server.server_state.connections:
                    await asyncio.sleep(0.01)
                while server.server_state.connections:
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize("limit", ["MOST_OF_ADDRESS", "MOST"])
async def test_complete_requests_replace_unfinished_ones(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(http_limits, limit, 5)
    app = create_app("redis://127.0.0.1:1", token=TOKEN)
    server = PageServer(app)
    async with served(app, server) as site, AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(connected(site, HEAD)) for _ in range(20)]
        await site.text("/login")
        assert len(server.server_state.connections) <= 5
        # Those that came first have waited longest.
        for reader in readers[:15]:
            await until_closed(reader)
