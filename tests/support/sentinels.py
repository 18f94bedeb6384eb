"""Sentinels with a primary and a replica, from `chaos`, for tests of failovers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chaos.processes.failover import Trio
from chaos.processes.redis_server import RedisServer

SERVER_PASSWORD = "of-the-servers"
SENTINEL_PASSWORD = "of/the@sentinels"


@asynccontextmanager
async def running_trio(directory: Path) -> AsyncIterator[Trio]:
    """Servers and sentinels with different passwords, during the block."""
    first = RedisServer(directory / "first", password=SERVER_PASSWORD)
    await first.start()
    trio = Trio(first, directory, password=SENTINEL_PASSWORD)
    try:
        await trio.start()
        yield trio
    finally:
        await trio.stop()
        await first.stop()
