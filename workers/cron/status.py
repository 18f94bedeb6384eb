"""What a worker tells people of its crons: each declaration with its next tick, for the page.

It informs only. A cron keeper writes it after what it enqueues, at most once a second, and nothing goes by it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.redis.keys import QueueKeys

SHORTEST_S: Final = 1.0
KEPT: Final = timedelta(minutes=2)
"""How long it is to be seen after the last keeper has told of it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One declaration.

    Attributes:
        name: what its ticks' ids begin with.
        job: the job that is enqueued.
        schedule: when, as it was declared.
        zone: the time zone of that.
        next_ms: its next tick, unix ms.
        told_ms: when this was told, unix ms.
    """

    name: str
    job: str
    schedule: str
    zone: str
    next_ms: int
    told_ms: int


class CronNotice:
    """Tells of crons, not too often."""

    def __init__(self) -> None:
        self._told_s: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time to tell again."""
        return self._told_s is None or time.monotonic() - self._told_s >= SHORTEST_S

    async def tell(self, redis: Redis, crons: Iterable[tuple[QueueKeys, str, Kept]]) -> None:
        """Writes what is known, by queue and declaration.

        Raises:
            RedisError: Redis did not answer.
        """
        self._told_s = time.monotonic()
        told: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for keys, field, kept in crons:
            told[keys.crons][field] = msgspec.json.encode(kept)
        client: Any = redis
        for key, fields in told.items():
            with suppress(ResponseError):  # a key of another type, or a full Redis: no tick is to be late because of it
                await client.hset(key, mapping=fields)
                await client.expire(key, KEPT)
