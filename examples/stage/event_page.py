"""A web page that the program behind it talks to, on asyncio alone: one page, its buttons, a stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Self

LARGEST_BACKLOG: Final = 4 * 1024 * 1024
"""Bytes that may wait for a browser which reads too slowly; then it is let go, and connects anew by itself."""


class EventPage:
    """Serves a page on 127.0.0.1 for the life of an `async with` block.

    `GET /` is the page, `GET /events` the stream of what `tell` is given, and a `POST` to one of the actions' paths
    calls it and answers when it is done.
    """

    def __init__(self, html: str, actions: Mapping[str, Callable[[], Awaitable[object]]], port: int = 0) -> None:
        """Say what to serve; nothing is started yet.

        Args:
            html: the page.
            actions: what to call for a path such as "/start".
            port: where to listen; 0 takes any free port.
        """
        self._html = html.encode()
        self._actions = actions
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._listeners: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._port}/"

    def tell(self, event: object) -> None:
        """Sends an event to all who look at the page, as JSON; never waits."""
        line = f"data: {json.dumps(event)}\n\n".encode()
        for listener in list(self._listeners):
            listener.write(line)
            if listener.transport.get_write_buffer_size() > LARGEST_BACKLOG:
                self._listeners.discard(listener)
                listener.transport.abort()

    async def __aenter__(self) -> Self:
        """Starts it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it, and hangs up on everybody."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path = head.decode(errors="replace").split(maxsplit=2)[:2]
            await self._answer(method, path, reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()  # it hung up, or speaks no HTTP
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, method: str, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (method, path) == ("GET", "/"):
            _send(writer, "200 OK", "text/html; charset=utf-8", self._html)
        elif (method, path) == ("GET", "/events"):
            _send(writer, "200 OK", "text/event-stream")
            self._listeners.add(writer)
            try:
                await reader.read()  # until the browser hangs up
            finally:
                self._listeners.discard(writer)
        elif method == "POST" and path in self._actions:
            await self._actions[path]()
            _send(writer, "204 No Content")
        else:
            _send(writer, "404 Not Found", "text/plain", b"There is no such page.\n")
        await writer.drain()


def _send(writer: asyncio.StreamWriter, status: str, content_type: str = "text/plain", body: bytes = b"") -> None:
    """Sends an answer that ends when the connection does."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
