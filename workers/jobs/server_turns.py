"""Turns of claimers on a cluster: a silent node must not delay claims from the others.

On a single Redis, a claimer holds `Slots.turn` until it has its reply. On a cluster, it releases it after a moment.
From then on, some of the free slots are set aside for the reply, and the claimers of other servers claim for the rest.
Jobs that arrive late and find no free slot are handed back without counting a try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

from monarq.shared.redis.cluster.topology import Address
from monarq.workers.jobs.slots import Slots

PATIENCE_S: Final = 0.3
"""How long a claim without a reply delays the claims from other servers."""

Server = Address | None


class ServerTurns:
    """The turns of all claimers that share slots: at most one claim per server, and one claim that is not late.

    Args:
        slots: the slots.
        most: the most jobs of one claim.
        may_start: how many more jobs may be started; None for any number. With a limit, no claim releases its turn
            early.
    """

    def __init__(self, slots: Slots, most: int, may_start: Callable[[], int | None]) -> None:
        self.slots = slots
        self.most = most
        self.may_start = may_start
        self._of_server: dict[Server, asyncio.Lock] = {}

    def of(self, server: Callable[[], Server]) -> ServerTurn:
        """The turn of one claimer; `server` returns the server that it claims from."""
        return ServerTurn(self, server)

    def lock(self, server: Server) -> asyncio.Lock:
        """Held while a claim from this server is pending."""
        return self._of_server.setdefault(server, asyncio.Lock())


class ServerTurn:
    """A turn of one claimer, used with ``async with`` like `Slots.turn`; for one claim at a time."""

    def __init__(self, turns: ServerTurns, server: Callable[[], Server]) -> None:
        self._turns = turns
        self._slots = turns.slots
        self._server = server
        self._of_server: asyncio.Lock | None = None
        self._letting_go: asyncio.TimerHandle | None = None
        self._asks_at_most = 0
        self._set_aside = 0
        self._is_late = False

    async def __aenter__(self) -> None:
        # Before the common lock: claimers that wait for a silent server must not hold up the others.
        of_server = self._turns.lock(self._server())
        await of_server.acquire()
        try:
            await self._slots.turn.acquire()
        except BaseException:
            of_server.release()
            raise
        self._of_server = of_server
        self._is_late = False
        self._asks_at_most = min(self._slots.free, self._turns.most)
        self._letting_go = asyncio.get_running_loop().call_later(PATIENCE_S, self._let_go)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._letting_go is not None
        assert self._of_server is not None
        self._letting_go.cancel()
        self._slots.set_aside(-self._set_aside)
        self._set_aside = 0
        if not self._is_late:
            self._slots.turn.release()
        self._of_server.release()

    def _let_go(self) -> None:
        if self._turns.may_start() is not None:
            return
        self._is_late = True
        # Never all free slots, so that a server that stays silent does not stop the others.
        self._set_aside = min(self._asks_at_most, max(0, self._slots.free) // 2)
        self._slots.set_aside(self._set_aside)
        self._slots.turn.release()
