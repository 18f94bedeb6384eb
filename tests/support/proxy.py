"""A proxy in front of a test's Redis, based on `chaos`: it loses requests and replies as a test asks, and counts
them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from chaos.faults.proxy import Cut, FaultProxy, Rule


class Proxy(FaultProxy):
    """Forwards to a Unix socket; loses requests that contain a text, as often as the test wants.

    Attributes:
        lost: how many requests or replies were lost.
        meanwhile: awaited after the server has replied, before the reply is lost.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, random.Random())
        self._closing: asyncio.Task[None] | None = None
        self.lost = 0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    def lose(self, cut: Cut, text: bytes, times: int = 1) -> None:
        """Loses the next requests that contain this text, or their replies."""
        self.rules = [Rule("a test's", text, cut, left=times, rests=None, meanwhile=self._do_meanwhile)]

    def drawn(self, request: bytes) -> Rule | None:
        """The rule that applies to this request; counts it."""
        rule = super().drawn(request)
        self.lost += rule is not None
        return rule

    async def close_soon(self) -> None:
        """The same as `close`, for use within `meanwhile`."""
        self._closing = asyncio.create_task(self.close())

    async def _do_meanwhile(self) -> None:
        if self.meanwhile is not None:
            await self.meanwhile()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
