"""A TCP proxy between clients and Redis that does to connections what networks do.

It reads what passes: a rule names a text, such as the sha of one script, and what becomes of requests that contain it.
Cuts chosen by content find what cuts at random moments do not: the reply that is lost after its command was done.
Scenarios set the rules themselves; tests use `tests.support.proxy`.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

CHUNK: Final = 1 << 20
_WORKER: Final = re.compile(rb"[\w.-]+:\d+:[0-9a-f]{8}")


class Cut(Enum):
    """What becomes of a request and of its connection."""

    REQUEST = auto()  # the connection breaks before Redis has seen the request
    REPLY = auto()  # Redis has carried it out, and the connection breaks before its reply gets through
    SILENCE = auto()  # Redis has carried it out, and nothing is heard of it ever


async def _nothing() -> None:
    """What happens between an answer and its loss, by default."""


@dataclass(slots=True)
class Rule:
    """What becomes of requests that contain a text.

    Attributes:
        name: for the report.
        text: what to look for.
        cut: where to cut.
        left: how many cuts are left to be made.
        share: the chance of each such request to be cut.
        done: how many were cut.
        rests: workers, by their name in the request, whose next such request is let through: a call that is
            repeated must not fail for as long as a lease lasts. None where it may.
        meanwhile: awaited when Redis has answered, before the reply is lost.
    """

    name: str
    text: bytes
    cut: Cut
    left: int = 1
    share: float = 1.0
    done: int = 0
    rests: set[bytes] | None = field(default_factory=set)
    meanwhile: Callable[[], Awaitable[None]] = _nothing

    def draws(self, request: bytes, rng: random.Random) -> bool:
        """Whether this request must be cut."""
        if not self.left or self.text not in request:
            return False
        if self.rests is None:
            return rng.random() < self.share
        found = _WORKER.search(request)
        worker = found[0] if found else b""
        if worker in self.rests or rng.random() >= self.share:
            self.rests.discard(worker)
            return False
        self.rests.add(worker)
        return True


class FaultProxy:
    """Forwards to a port of this machine, or to a Unix socket.

    Attributes:
        port: where it listens; 0 before `open`.
        accepted: how many connections were made to it.
        rules: what to cut; the first that draws counts.
        deaf: swallows everything on both ways and closes nothing, as a network does that drops packets.
        delay_s: holds each request back for so long.
        bytes_per_second: passes replies at this pace; 0 for at once.
        mutes_listeners: is deaf, from now on and for ever, to connections that have subscribed to a channel.
    """

    def __init__(self, upstream: int | str, rng: random.Random) -> None:
        self.port = 0
        self.accepted = 0
        self.rules: list[Rule] = []
        self.deaf = False
        self.delay_s = 0.0
        self.bytes_per_second = 0
        self.mutes_listeners = False
        self._upstream = upstream
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Accepts connections, on the same port as before if it did."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Breaks every connection and refuses new ones, until `open`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        # What the server has accepted just now has no task yet.
        await asyncio.sleep(0)
        self.break_all()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    def break_all(self) -> None:
        """Breaks every connection that there is."""
        for pair in self._pairs:
            pair.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._pairs.add(task)

        # Not closed by the task itself: one that is cancelled before its first step does nothing at all.
        task.add_done_callback(lambda _: _end(writer, broken=task.cancelled()))
        task.add_done_callback(self._pairs.discard)
        if self._server is None:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            back_reader, back_writer = await self._connect()
            broken = True
            try:
                await _Pair(self, reader, writer, back_reader, back_writer).run()
                broken = False
            finally:
                _end(back_writer, broken=broken)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, str):
            return await asyncio.open_unix_connection(self._upstream)
        return await asyncio.open_connection("127.0.0.1", self._upstream)

    def drawn(self, request: bytes) -> Rule | None:
        """The rule that this request falls to."""
        rule = next((rule for rule in self.rules if rule.draws(request, self._rng)), None)
        if rule is not None:
            rule.left -= 1
            rule.done += 1
        return rule


def _end(writer: asyncio.StreamWriter, *, broken: bool) -> None:
    """Closes a connection; one that is broken sends no more, to a peer that may never take it."""
    if broken:
        writer.transport.abort()
    writer.close()


class _Pair:
    """One client's connection and ours to Redis for it."""

    def __init__(
        self,
        proxy: FaultProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back_reader: asyncio.StreamReader,
        back_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._back_reader = back_reader
        self._back_writer = back_writer
        self._losing: Rule | None = None
        self._is_silent = False
        self._listens = False

    async def run(self) -> None:
        """Until either side closes, or a rule cuts."""
        ways = [asyncio.create_task(self._pass_requests()), asyncio.create_task(self._pass_replies())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_requests(self) -> None:
        while request := await self._reader.read(CHUNK):
            self._listens = self._listens or b"\r\nSUBSCRIBE\r\n" in request
            if self._is_deaf():
                continue
            if self._proxy.delay_s:
                await asyncio.sleep(self._proxy.delay_s)
            # The rest of a long request whose reply will be lost still goes to Redis, which answers only then.
            rule = None if self._losing else self._proxy.drawn(request)
            if rule is not None and rule.cut is Cut.REQUEST:
                return
            self._losing = self._losing or rule
            self._back_writer.write(request)

    async def _pass_replies(self) -> None:
        while reply := await self._back_reader.read(CHUNK):
            if self._losing and not self._is_silent:
                self._is_silent = True
                await self._losing.meanwhile()
                if self._losing.cut is Cut.REPLY:
                    return
            if self._is_deaf():
                continue
            if self._proxy.bytes_per_second:
                await asyncio.sleep(len(reply) / self._proxy.bytes_per_second)
            self._writer.write(reply)

    def _is_deaf(self) -> bool:
        self._is_silent = self._is_silent or (self._listens and self._proxy.mutes_listeners)
        return self._proxy.deaf or self._is_silent
