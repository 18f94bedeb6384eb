"""Asks a pool's Redis for a sign of life, and how long its jobs wait, for the supervisor's health checks.

The supervisor has a connection of its own for it. Checks that come close together share one answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.commands.queues.waiting import Waiting, waiting
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.text.error_text import error_text
from monarq.workers.supervisor.pool_state import PoolState

PATIENCE_S: Final = 2.0
"""How long Redis may take to answer; orchestrators themselves wait for a second or a few."""

FRESH_S: Final = 1.0
"""For how long an answer is given again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Redis said.

    Attributes:
        error: why it did not answer; None where it did.
        queues: by queue, how long its jobs wait.
    """

    error: str | None = None
    queues: dict[str, Waiting] = field(default_factory=dict)


class RedisProbe:
    """Asks one Redis, whose URL it learns from the workers."""

    def __init__(self) -> None:
        self._url: str | None = None
        self._queues: list[str] = []
        self._redis: Redis | None = None
        self._asking = asyncio.Lock()
        self._answer = Answer()
        self._answered_s = float("-inf")

    async def ask(self, pool: PoolState) -> Answer | None:
        """What Redis says now; None where its URL is not known, as before the first worker is ready."""
        redis = await self.open(pool)
        if redis is None:
            return None
        async with self._asking:
            if time.monotonic() - self._answered_s > FRESH_S:
                self._answer = await self._ask(redis)
                self._answered_s = time.monotonic()
            return self._answer

    async def hang_up(self) -> None:
        """Closes the connection."""
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def open(self, pool: PoolState) -> Redis | None:
        """A client of the pool's Redis, which stays the probe's; None as long as its URL is not known."""
        await self._learn(pool)
        return self._redis

    @property
    def queues(self) -> list[str]:
        """What the workers serve, as far as it is known."""
        return self._queues

    async def _learn(self, pool: PoolState) -> None:
        ready = next((worker.ready for worker in reversed(pool.workers) if worker.ready), None)
        if ready is None or ready.redis_url is None:
            return
        self._queues = ready.queues
        if ready.redis_url != self._url:
            await self.hang_up()
            self._url = ready.redis_url
            self._redis = open_redis(self._url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)

    async def _ask(self, redis: Redis) -> Answer:
        try:
            return Answer(queues={queue: await waiting(redis, QueueKeys.of(queue)) for queue in self._queues})
        except (RedisError, OSError) as error:
            return Answer(error=error_text(error))
