"""A TCP proxy between clients and Redis that breaks connections as networks do.

It reads the traffic: a rule names a text, such as the SHA of a script, and what happens to requests that contain it.
Cuts chosen by content find what random cuts do not, such as a reply that is lost after its command was executed.
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
    """What happens to a request and its connection."""

    REQUEST = auto()  # the connection breaks before Redis gets the request
    REPLY = auto()  # Redis executes it, and the connection breaks before the reply arrives
    SILENCE = auto()  # Redis executes it, and its reply never arrives


async def _nothing() -> None:
    """The default of `Rule.meanwhile`."""


@dataclass(slots=True)
class Rule:
    """What happens to requests that contain a text.

    Attributes:
        name: for the report.
        text: what to look for.
        cut: where to cut.
        left: how many cuts are left to make.
        share: the probability that such a request is cut, 0 to 1.
        done: how many were cut.
        rests: workers, by their name in the request, whose next such request passes: a repeated call must not fail for
            as long as a lease lasts. None if it may.
        meanwhile: awaited after Redis has replied, before the reply is lost.
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
        """Whether to cut this request."""
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
    """Forwards to a local port or to a Unix socket.

    Attributes:
        port: where it listens; 0 before `open`.
        accepted: how many connections it has accepted.
        rules: what to cut; the first rule that draws a request applies.
        deaf: discards everything in both directions and closes nothing, like a network that drops packets.
        delay_s: how long each request is delayed, in seconds.
        bytes_per_second: limits the rate of replies; 0 for no limit.
        mutes_listeners: permanently deaf to connections that have subscribed to a channel.
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
        """The URL on which it listens."""
        return f"redis://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Accepts connections; after `close`, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Breaks every connection and refuses new ones, until `open`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        # A connection that was accepted just now has no task yet.
        await asyncio.sleep(0)
        self.break_all()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    def break_all(self) -> None:
        """Breaks every open connection."""
        for pair in self._pairs:
            pair.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._pairs.add(task)

        # The task cannot close it: a task cancelled before its first step does not run at all.
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
        """The rule that applies to this request, if any."""
        rule = next((rule for rule in self.rules if rule.draws(request, self._rng)), None)
        if rule is not None:
            rule.left -= 1
            rule.done += 1
        return rule


def _end(writer: asyncio.StreamWriter, *, broken: bool) -> None:
    """Closes a connection; a broken one discards its buffer, which the peer may never read."""
    if broken:
        writer.transport.abort()
    writer.close()


class _Pair:
    """A client's connection, and the one to Redis for it."""

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
        """Forwards until either side closes or a rule cuts."""
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
            # The rest of a long request still goes to Redis, which replies only then; the reply is lost.
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
