"""Pools of connections to the primary, which drop connections to a server that is no longer the primary."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import redis
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.sentinel import SentinelConnectionPool as BlockingSentinelPool

from monarq.shared.redis.sentinel.discovery import ERRORS, BlockingDiscovery, Discovery
from monarq.shared.redis.sentinel.watch import CHECK_S, PrimaryWatch


class PrimaryPool(SentinelConnectionPool):
    """A pool for one event loop; its watch follows the primary.

    Args:
        service: the name of the service that the sentinels monitor.
        discovery: asks them.
        options: redis-py's options for a pool and its connections.
    """

    def __init__(self, service: str, discovery: Discovery, **options: Any) -> None:
        super().__init__(service, discovery, **options)
        self.watch = PrimaryWatch(service, discovery)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Closes the connections and, if all are to be closed, those to the sentinels, which redis-py leaves open."""
        try:
            await super().disconnect(inuse_connections)
        finally:
            if inuse_connections:
                for sentinel in self.sentinel_manager.sentinels:
                    await sentinel.connection_pool.disconnect()


class BlockingPrimaryPool(BlockingSentinelPool):
    """The same for threads: it asks the sentinels again before a connection is used, at most twice a second."""

    def __init__(self, service: str, discovery: BlockingDiscovery, **options: Any) -> None:
        super().__init__(service, discovery, **options)
        self._checked_s = float("-inf")

    def get_connection(self, *args: Any, **options: Any) -> redis.Connection:
        """A connection to the primary."""
        if time.monotonic() - self._checked_s > CHECK_S:
            with suppress(*ERRORS):  # while no sentinel answers, keep using the known server
                self.get_master_address()  # it closes connections to another server
            self._checked_s = time.monotonic()
        made: redis.Connection = super().get_connection(*args, **options)
        return made

    def disconnect(self, inuse_connections: bool = True) -> None:
        """See `PrimaryPool`."""
        super().disconnect(inuse_connections)
        if inuse_connections:
            for sentinel in self.sentinel_manager.sentinels:
                sentinel.connection_pool.disconnect()
