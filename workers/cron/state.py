"""The state of cron entries: their newest and next ticks in this worker, and the status that the page shows.

The status only informs. A scheduler writes it after it has enqueued ticks, at most once a second, and no decision
depends on it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.redis.backoff import Backoff
from monarq.workers.cron.entry import CronEntry

STATUS_INTERVAL_S: Final = 1.0
STATUS_TTL: Final = timedelta(minutes=2)
"""How long the status is shown after a scheduler has written it last."""


@dataclass(slots=True)
class EntryState:
    """The state of one entry. An entry that fails by itself pauses now and then, and delays no other.

    Attributes:
        entry: the entry.
        last: its newest tick.
        next_tick: when the next must be enqueued.
        starts: whether its run at startup must still be enqueued.
        backoff: how long it pauses.
        paused_until_s: until when it pauses, by the monotonic clock.
    """

    entry: CronEntry
    last: datetime
    next_tick: datetime
    starts: bool
    backoff: Backoff = field(default_factory=Backoff)
    paused_until_s: float = 0.0

    @property
    def pause_s(self) -> float:
        """How long it still pauses."""
        return self.paused_until_s - time.monotonic() if self.backoff.failing else 0.0

    def fail(self) -> bool:
        """Notes that it failed; returns whether it did not before."""
        is_new = not self.backoff.failing
        self.paused_until_s = time.monotonic() + self.backoff.next_s()
        return is_new


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """The status of one entry, as the page shows it.

    Attributes:
        name: the prefix of its ticks' ids.
        job: the job that is enqueued.
        schedule: when, as it was declared.
        zone: the time zone of that.
        next_ms: its next tick, unix ms.
        told_ms: when this was written, unix ms.
    """

    name: str
    job: str
    schedule: str
    zone: str
    next_ms: int
    told_ms: int


class StatusWriter:
    """Writes the status of entries to Redis, not too often."""

    def __init__(self) -> None:
        self._written_s: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time to write again."""
        return self._written_s is None or time.monotonic() - self._written_s >= STATUS_INTERVAL_S

    async def write(self, redis: Redis, statuses: Iterable[tuple[QueueKeys, str, EntryStatus]]) -> None:
        """Writes each status to a field of the hash of its queue.

        Raises:
            RedisError: Redis did not answer.
        """
        self._written_s = time.monotonic()
        hashes: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for keys, name, status in statuses:
            hashes[keys.crons][name] = msgspec.json.encode(status)
        client: Any = redis
        for key, fields in hashes.items():
            with suppress(ResponseError):  # a key of another type, or a full Redis: no tick may be late because of it
                await client.hset(key, mapping=fields)
                await client.expire(key, STATUS_TTL)
