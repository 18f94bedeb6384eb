"""The watch over the primary: closes connections to a server that is no longer the primary.

Most failovers are noticed by the connections themselves: they break, or a write is refused. But a former primary that
was partitioned or frozen and comes back accepts writes that will be discarded, and a subscription on it stays silent.
Only the sentinels know. So while a pool has connections, one sentinel is asked twice a second.
"""

from __future__ import annotations

import asyncio
import weakref
from contextlib import suppress
from typing import Final

from redis.asyncio.sentinel import SentinelManagedConnection

from monarq.shared.redis.private_pool import abort_connection
from monarq.shared.redis.sentinel.discovery import ERRORS, Discovery

CHECK_S: Final = 0.5
"""The interval between queries."""


class PrimaryWatch:
    """Watches on the event loop of the connections. Between queries, nothing runs that would have to be stopped."""

    def __init__(self, service: str, discovery: Discovery) -> None:
        self._service = service
        self._discovery = discovery
        self._connections: weakref.WeakSet[SentinelManagedConnection] = weakref.WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, connection: SentinelManagedConnection) -> None:
        """Watches a connection that was just made, for as long as it is connected."""
        self._connections.add(connection)
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # else the next query is already scheduled
            self._ask_later(loop)

    def _ask_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        loop.call_later(CHECK_S, _ask_now, weakref.ref(self))

    def ask_now(self) -> None:
        """Starts a query. Without connections, the watch ends until the next one is made."""
        loop, self._loop = self._loop, None
        if loop is not None and any(connection.is_connected for connection in self._connections):
            self._loop = loop
            self._task = loop.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            with suppress(*ERRORS):  # a failover is in progress, or no sentinel answers: retry at the next interval
                primary = await self._discovery.discover_master(self._service)
                for connection in list(self._connections):
                    if connection.is_connected and (connection.host, connection.port) != primary:
                        await abort_connection(connection)
        finally:
            self._ask_later(asyncio.get_running_loop())


def _ask_now(watch: weakref.ref[PrimaryWatch]) -> None:
    """Called by the loop; the weak reference lets an unused pool be collected."""
    if (found := watch()) is not None:
        found.ask_now()
