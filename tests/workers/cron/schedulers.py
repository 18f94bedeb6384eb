"""Cron schedulers for tests, with a clock that tests set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.jobs.cron_schedule import crontab, from_arq_fields
from monarq.shared.payloads.codec import Codecs
from monarq.workers.cron.entry import CronEntry
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher
from tests.support.cancelling import end

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY_SECOND = from_arq_fields(second=None)
HOURLY = crontab("@hourly")
QUEUE = QueueKeys.of(DEFAULT_QUEUE)


class CronRecorder(Dispatcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.enqueued: list[str] = []
        self.redis: list[str] = []

    def schedule_fired(self, name: str, job_id: str) -> None:
        self.enqueued.append(job_id)

    def redis_lost(self, doing: str, error: BaseException) -> None:
        self.redis.append(f"lost while {doing}")

    def redis_back(self, doing: str) -> None:
        self.redis.append(f"back for {doing}")


class Clock:
    """A clock that tests set, in place of Redis'."""

    def __init__(self) -> None:
        self.moment = NOON


def scheduler(*entries: CronEntry, events: Dispatcher | None = None, **options: Any) -> CronScheduler:
    """A worker's scheduler."""
    return CronScheduler(entries, queue=QUEUE.ref, codecs=Codecs(), events=events or CronRecorder(), **options)


def entry(schedule: Any = HOURLY, **options: Any) -> CronEntry:
    """A job at these times."""
    return CronEntry(**{"job_name": "tick", "name": "cron:tick", "schedule": schedule, **options})


@asynccontextmanager
async def running(redis: Redis, *schedulers: CronScheduler) -> AsyncIterator[None]:
    """The schedulers at work."""
    tasks = [asyncio.create_task(one.run(redis)) for one in schedulers]
    try:
        yield
    finally:
        await end(*tasks)


async def queued(redis: Redis) -> dict[str, int]:
    """When each job is due, in ms."""
    return {job_id.decode(): int(score) for job_id, score in await redis.zrange(DEFAULT_QUEUE, 0, -1, withscores=True)}


def ms_of(moment: datetime) -> int:
    """A time in unix ms."""
    return round(moment.timestamp() * 1000)
