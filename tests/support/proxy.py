"""A TCP proxy in front of Redis that loses what a test wants lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import Enum, auto
from types import TracebackType
from typing import Self


class Loss(Enum):
    """What becomes of a request that the rule is for."""

    REQUEST = auto()  # the connection breaks before the server has seen it
    REPLY = auto()  # the server has carried it out, and the connection breaks before its reply gets through
    SILENCE = auto()  # the server has carried it out, and nothing is heard of it ever


async def _nothing() -> None:
    """What happens between an answer and its loss, by default."""


class Proxy:
    """Forwards to a Unix socket; a request that contains `text` is lost, `times` times.

    Attributes:
        accepted: how many connections were made to it.
        lost: how many requests or replies were lost.
        deaf: whether requests are swallowed without a word.
        meanwhile: awaited when the server has answered, before the reply is lost.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._text = b""
        self._loss = Loss.REQUEST
        self._left = 0
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self.port = 0
        self.accepted = 0
        self.lost = 0
        self.deaf = False
        self.meanwhile: Callable[[], Awaitable[None]] = _nothing

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}"

    def lose(self, loss: Loss, text: bytes, times: int = 1) -> None:
        """Loses the next requests that contain this text, or their replies."""
        self._loss, self._text, self._left = loss, text, times

    async def open(self) -> None:
        """Listens, on the same port as before if it did."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close_soon(self) -> None:
        """The same as `close`, from within `meanwhile`."""
        self._closing = asyncio.create_task(self.close())

    async def close(self) -> None:
        """Breaks all connections, and accepts none until `open`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for pair in self._pairs:
            pair.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._pairs.add(task)
        task.add_done_callback(self._pairs.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _closing(writer):
            back_reader, back_writer = await asyncio.open_unix_connection(self._upstream)
            async with _closing(back_writer):
                answers = asyncio.create_task(_pump(back_reader, writer))
                try:
                    await self._pass_requests(reader, back_reader, back_writer, answers)
                finally:
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)

    async def _pass_requests(
        self,
        reader: asyncio.StreamReader,
        back_reader: asyncio.StreamReader,
        back_writer: asyncio.StreamWriter,
        answers: asyncio.Task[None],
    ) -> None:
        while data := await reader.read(1 << 20):
            if not (self._left and self._text in data):
                if not self.deaf:
                    back_writer.write(data)
                continue
            self._left -= 1
            self.lost += 1
            if self._loss is Loss.REQUEST:
                return
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            back_writer.write(data)
            await _answer_to(reader, back_reader, back_writer)
            await self.meanwhile()
            if self._loss is Loss.REPLY:
                return
            await reader.read(-1)


async def _answer_to(
    reader: asyncio.StreamReader, back_reader: asyncio.StreamReader, back_writer: asyncio.StreamWriter
) -> None:
    """Waits for the server to answer; the rest of the request, where it is a long one, still goes to it."""
    rest = asyncio.create_task(_pump(reader, back_writer))
    await back_reader.read(1 << 20)
    rest.cancel()
    await asyncio.gather(rest, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 20):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
