"""The crons that workers keep: what is enqueued when, and when next. Reads what the workers tell of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import read_number
from monarq.shared.redis.keys import QueueKeys

STALE_MS: Final = 120_000
"""What was told longer ago is no worker's any more: another worker of the queue still keeps the rest alive."""


@dataclass(frozen=True, slots=True)
class CronStats:
    """A declaration that a worker keeps. Times are unix ms.

    Attributes:
        queue: where its job is enqueued.
        name: what its ticks' ids begin with.
        job: the job.
        schedule: when, as it was declared.
        zone: the time zone of that.
        next_ms: its next tick.
        last_ms: its newest tick; None where that is not remembered, as of arq's crons.
    """

    queue: str
    name: str
    job: str
    schedule: str
    zone: str
    next_ms: int
    last_ms: int | None


class _Kept(msgspec.Struct):
    """What a worker has told, of this version or another."""

    name: str = ""
    job: str = ""
    schedule: str = ""
    zone: str = ""
    next_ms: int = 0
    told_ms: int = 0


_KEPT: Final = msgspec.json.Decoder(_Kept, strict=False)


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
    # A key of another type is as good as none.
    told, newest = (
        {} if isinstance(reply, Exception) else reply for reply in await calls.execute(raise_on_error=False)
    )
    found = []
    for field, data in told.items():
        try:
            kept = _KEPT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if kept.told_ms > now_ms - STALE_MS:
            last_ms = read_number(newest[field]) if field in newest else None
            found.append(CronStats(keys.queue, kept.name, kept.job, kept.schedule, kept.zone, kept.next_ms, last_ms))
    return found
