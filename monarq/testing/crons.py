"""The crons of a sandbox: ticks that its clock has passed are enqueued when a drain begins."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from monarq.shared.formats.choice.crons import cron_queue
from monarq.workers.cron.entry import CronEntry, entries_of
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher

if TYPE_CHECKING:
    from monarq.testing.clock import SandboxClock
    from monarq.testing.jobs import Known
    from monarq.workers.config.settings import WorkerSettings


class SandboxCrons:
    """Enqueues the ticks of crons like a worker that has been running since the sandbox was opened."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._opened = clock.now()
        self._started: set[str] = set()

    async def now(self, redis: Redis) -> datetime:
        """The time of the sandbox; see `monarq.workers.cron.scheduler.Clock`."""
        return self._clock.now()

    async def note(self, redis: Redis, known: Known, settings: WorkerSettings) -> None:
        """Records the time from which ticks of these crons count as missed. Called before the clock is moved.

        Raises:
            SettingsError: two crons with the same name enqueue different jobs.
            RedisError: the server did not answer.
        """
        for entry in entries_of(known.crons):
            await cron_queue(entry.queue or settings.queues[0]).newest_tick_ms(redis, entry.redis_field)

    async def enqueue_due(self, redis: Redis, known: Known, settings: WorkerSettings) -> None:
        """Enqueues each tick that is due, none ahead of its time, and, once, the jobs that run when a worker starts.

        Raises:
            SettingsError: two crons with the same name enqueue different jobs.
            RedisError: the server did not answer.
        """
        entries = [self._entry(entry) for entry in entries_of(known.crons)]
        if not entries:
            return
        scheduler = CronScheduler(
            entries,
            queue=settings.queues[0],
            codecs=settings.codecs,
            events=Dispatcher(*settings.listeners),
            started=self._opened,
            since=self._opened,
            clock=self,
            ahead=timedelta(0),
        )
        await scheduler.run_once(redis)
        self._started.update(entry.name for entry in entries)

    def _entry(self, entry: CronEntry) -> CronEntry:
        return dataclasses.replace(entry, run_at_startup=False) if entry.name in self._started else entry
