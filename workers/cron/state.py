"""The state of cron entries: their newest and next ticks in this worker, and the status that the page shows.

The status is informational: no decision depends on it. A scheduler writes it after it has enqueued ticks, at most once
a second.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.protocol.cron_queue import CronQueue
from monarq.shared.redis.backoff import Backoff
from monarq.workers.cron.entry import CronEntry

STATUS_INTERVAL_S: Final = 1.0
STATUS_TTL_S: Final = 120
"""How long the status is shown after a scheduler last wrote it."""


@dataclass(slots=True)
class EntryState:
    """The state of one entry. An entry that fails by itself backs off without delaying the others.

    Attributes:
        entry: the entry.
        last: its newest tick.
        next_tick: when the next tick must be enqueued.
        starts: whether its run at startup must still be enqueued.
        backoff: the lengths of its pauses.
        paused_until_s: the end of its pause, by the monotonic clock.
    """

    entry: CronEntry
    last: datetime
    next_tick: datetime
    starts: bool
    backoff: Backoff = field(default_factory=Backoff)
    paused_until_s: float = 0.0

    @property
    def pause_s(self) -> float:
        """The remaining seconds of its pause."""
        return self.paused_until_s - time.monotonic() if self.backoff.failing else 0.0

    def fail(self) -> bool:
        """Notes that it failed; returns whether this is the first failure in a row."""
        is_new = not self.backoff.failing
        self.paused_until_s = time.monotonic() + self.backoff.next_s()
        return is_new


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """The status of one entry, as the page shows it.

    Attributes:
        name: the prefix of its ticks' ids.
        job: the job that is enqueued.
        schedule: the schedule as declared.
        zone: the schedule's time zone.
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
    """Writes the status of entries to Redis at a limited rate."""

    def __init__(self) -> None:
        self._written_s: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time to write again."""
        return self._written_s is None or time.monotonic() - self._written_s >= STATUS_INTERVAL_S

    async def write(self, redis: Redis, statuses: Iterable[tuple[CronQueue, str, EntryStatus]]) -> None:
        """Writes the status of each declaration to its queue.

        Raises:
            RedisError: Redis did not answer.
        """
        self._written_s = time.monotonic()
        by_queue: defaultdict[CronQueue, dict[str, bytes]] = defaultdict(dict)
        for queue, entry, status in statuses:
            by_queue[queue][entry] = msgspec.json.encode(status)
        for queue, of_queue in by_queue.items():
            await queue.write_statuses(redis, of_queue, STATUS_TTL_S)
