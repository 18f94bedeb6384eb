"""The cron entries of workers, read from the status that workers write: job, schedule, last and next tick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.redis.clock import read_now_ms

STALE_MS: Final = 120_000
"""An older status no longer belongs to a worker: workers of the queue keep theirs up to date."""


@dataclass(frozen=True, slots=True)
class CronStats:
    """A cron entry of a worker. Times are unix ms.

    Attributes:
        queue: the queue that its job is enqueued in.
        format: the queue's format.
        name: the prefix of the ids of its ticks.
        job: the name of its job.
        schedule: its schedule as declared.
        zone: the time zone of the schedule.
        next_ms: its next tick.
        last_ms: its last tick; None if that is not stored, as for arq's crons.
    """

    queue: str
    format: Format
    name: str
    job: str
    schedule: str
    zone: str
    next_ms: int
    last_ms: int | None

    @property
    def ref(self) -> QueueRef:
        """The queue that its job is enqueued in."""
        return QueueRef(self.queue, self.format)


class _Status(msgspec.Struct):
    """The status that a worker of this version or another has written."""

    name: str = ""
    job: str = ""
    schedule: str = ""
    zone: str = ""
    next_ms: int = 0
    told_ms: int = 0


_STATUS: Final = msgspec.json.Decoder(_Status, strict=False)


async def read_crons(redis: Redis, queues: Iterable[QueueRef]) -> list[CronStats]:
    """The crons of these queues, next tick first.

    Raises:
        RedisError: Redis did not answer.
    """
    now_ms = await read_now_ms(redis)
    found = [cron for queue in queues for cron in await _read_queue(redis, queue, now_ms)]
    return sorted(found, key=lambda cron: (cron.next_ms, cron.queue, cron.name))


async def _read_queue(redis: Redis, queue: QueueRef, now_ms: int) -> list[CronStats]:
    found = []
    for record in await monitor_queue(queue).read_crons(redis):
        try:
            cron = _STATUS.decode(record.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if cron.told_ms > now_ms - STALE_MS:
            found.append(CronStats(*queue, cron.name, cron.job, cron.schedule, cron.zone, cron.next_ms, record.last_ms))
    return found
