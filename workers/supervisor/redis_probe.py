"""The Redis probe of the supervisor's health checks: whether a pool's Redis answers, and how long its jobs wait.

The supervisor has its own connection for it. Checks that are close together share one result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.choice.supervision import key_of, read_waiting
from monarq.shared.protocol.counts import Waiting
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.servers import is_cluster, visit_servers
from monarq.shared.text.error_text import error_text
from monarq.workers.supervisor.pool_state import PoolState

TIMEOUT_S: Final = 2.0
"""How long Redis may take to answer; orchestrators wait for a second or a few."""

CACHE_S: Final = 1.0
"""How long a result is reused."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What Redis answered.

    Attributes:
        error: why it did not answer; None if it did.
        queues: how long jobs have waited, by queue.
    """

    error: str | None = None
    queues: dict[QueueRef, Waiting] = field(default_factory=dict)


class RedisProbe:
    """Probes one Redis, whose URL it gets from the workers."""

    def __init__(self) -> None:
        self._url: str | None = None
        self._queues: list[QueueRef] = []
        self._redis: Redis | None = None
        self._probing = asyncio.Lock()
        self._result = ProbeResult()
        self._probed_s = float("-inf")

    async def check(self, pool: PoolState) -> ProbeResult | None:
        """What Redis answers now; None if its URL is unknown, for instance before the first worker is ready."""
        redis = await self.open(pool)
        if redis is None:
            return None
        async with self._probing:
            if time.monotonic() - self._probed_s > CACHE_S:
                self._result = await self._read(redis)
                self._probed_s = time.monotonic()
            return self._result

    async def close(self) -> None:
        """Closes the connection."""
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def open(self, pool: PoolState) -> Redis | None:
        """A client of the pool's Redis, which the probe closes; None while its URL is unknown."""
        await self._follow(pool)
        return self._redis

    @property
    def queues(self) -> list[QueueRef]:
        """The queues that the workers serve, as far as they are known."""
        return self._queues

    async def _follow(self, pool: PoolState) -> None:
        ready = next((worker.ready for worker in reversed(pool.workers) if worker.ready), None)
        if ready is None or ready.redis_url is None:
            return
        self._queues = ready.queues
        if ready.redis_url != self._url:
            await self.close()
            self._url = ready.redis_url
            self._redis = open_redis(self._url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)

    async def _read(self, redis: Redis) -> ProbeResult:
        """Asks about each queue; on a cluster, reads only the nodes that answer."""
        answers: dict[QueueRef, Waiting] = {}

        async def read(queues: Sequence[QueueRef]) -> None:
            for queue in queues:
                answers[queue] = await read_waiting(redis, queue)

        try:
            await visit_servers(redis, self._queues, key_of, read)
        except (RedisError, OSError) as error:
            if not (answers and is_cluster(redis)):
                return ProbeResult(error=error_text(error))
        return ProbeResult(queues=answers)
