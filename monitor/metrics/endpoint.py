"""The `/metrics` endpoint for Prometheus, for the page and the metrics port of `monarq worker`.

Scrapes in quick succession share one reading. Imported only if metrics are served, since it needs Starlette and
prometheus_client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monarq.monitor.metrics.prometheus import Snapshot, SnapshotCollector, read_snapshot
from monarq.shared.formats.choice.monitors import known_queues

CACHE_S: Final = 1.0
"""How long a reading is cached."""


async def read_known(redis: Redis) -> Snapshot:
    """The data of all known queues.

    Raises:
        RedisError: Redis did not answer.
    """
    return await read_snapshot(redis, await known_queues(redis))


class Exporter:
    """Reads the metrics at each scrape.

    Args:
        read: reads the data, for instance with `read_known`; returns None while the address of Redis is unknown.
        extra: returns more collectors.
    """

    def __init__(
        self, read: Callable[[], Awaitable[Snapshot | None]], extra: Callable[[], Sequence[Collector]] = tuple
    ) -> None:
        self._read = read
        self._extra = extra
        self._reading = asyncio.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._bodies: dict[str, bytes] = {}
        self._read_s = float("-inf")

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The metrics, and their content type.

        Args:
            accept: the Accept header of the scrape.
        """
        async with self._reading:
            if time.monotonic() - self._read_s > CACHE_S:
                self._registry, self._bodies = await self._collect(), {}
                self._read_s = time.monotonic()
            encode, content_type = choose_encoder(accept)
            if content_type not in self._bodies:
                # Thousands of lines take a while and would block the loop.
                self._bodies[content_type] = await asyncio.to_thread(encode, self._registry)
            return self._bodies[content_type], content_type

    async def _collect(self) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=False)
        try:
            snapshot = await self._read()
            registry.register(SnapshotCollector(snapshot, answered=None if snapshot is None else True))
        except (RedisError, OSError):
            registry.register(SnapshotCollector(None, answered=False))
        for collector in self._extra():
            registry.register(collector)
        return registry


def metrics_route(exporter: Exporter, path: str = "/metrics") -> Route:
    """The route `/metrics`, for any Starlette application."""

    async def answer(request: Request) -> Response:
        body, content_type = await exporter.scrape(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return Route(path, answer, methods=["GET"])
