"""What runs beside the jobs of a worker: one surface for all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from redis.asyncio import Redis


class BackgroundTask(Protocol):
    """A part of a worker that runs from its start to its stop."""

    async def run(self, redis: Redis) -> None:
        """Runs until cancelled; must survive every error of Redis."""
        ...
