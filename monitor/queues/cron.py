"""The crons that workers keep, read from the status that the workers write: job, schedule, last and next tick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.redis.replies import read_number

STALE_MS: Final = 120_000
"""An older status belongs to no worker any more: other workers of the queue keep their own up to date."""


@dataclass(frozen=True, slots=True)
class CronStats:
    """A cron entry that a worker keeps. Times are unix ms.

    Attributes:
        queue: the queue that its job is enqueued in.
        name: the prefix of the ids of its ticks.
        job: the name of its job.
        schedule: its schedule as declared.
        zone: the time zone of the schedule.
        next_ms: its next tick.
        last_ms: its last tick; None where that is not stored, as for arq's crons.
    """

    queue: str
    name: str
    job: str
    schedule: str
    zone: str
    next_ms: int
    last_ms: int | None


class _Status(msgspec.Struct):
    """The status that a worker of this version or another has written."""

    name: str = ""
    job: str = ""
    schedule: str = ""
    zone: str = ""
    next_ms: int = 0
    told_ms: int = 0


_STATUS: Final = msgspec.json.Decoder(_Status, strict=False)


async def read_crons(redis: Redis, queues: Iterable[str]) -> list[CronStats]:
    """The crons of these queues, the next one first.

    Raises:
        RedisError: Redis did not answer.
    """
    seconds, micros = await redis.time()
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    found = [cron for queue in queues for cron in await _read_queue(redis, QueueKeys.of(queue), now_ms)]
    return sorted(found, key=lambda cron: (cron.next_ms, cron.queue, cron.name))


async def _read_queue(redis: Redis, keys: QueueKeys, now_ms: int) -> list[CronStats]:
    calls: Any = redis.pipeline(transaction=False)
    calls.hgetall(keys.crons)
    calls.hgetall(keys.cron)
    # A key of another type counts as missing.
    statuses, last_ticks = (
        {} if isinstance(reply, Exception) else reply for reply in await calls.execute(raise_on_error=False)
    )
    found = []
    for field, data in statuses.items():
        try:
            cron = _STATUS.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if cron.told_ms > now_ms - STALE_MS:
            last_ms = read_number(last_ticks[field]) if field in last_ticks else None
            found.append(CronStats(keys.queue, cron.name, cron.job, cron.schedule, cron.zone, cron.next_ms, last_ms))
    return found
