"""The cron scheduler: enqueues cron ticks. Every worker has one, and the first that enqueues a tick wins.

A tick's job id is the same on all workers, and Redis blocks it for days, so that neither a late worker nor a repeated
call creates a second job. All times are those of Redis; a worker's clock and its jumps do not matter.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from monarq.shared.clock import server_time
from monarq.shared.errors import PayloadError
from monarq.shared.formats.choice.crons import cron_queue
from monarq.shared.jobs.cron_schedule import due_ticks, tick_id
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.payload import write_payload
from monarq.shared.protocol.cron_queue import CronQueue, Tick
from monarq.shared.protocol.enqueue import Enqueued
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.servers import is_cluster
from monarq.workers.cron.entry import CronEntry
from monarq.workers.cron.state import EntryState, EntryStatus, StatusWriter
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage

AHEAD: Final = timedelta(seconds=1)
"""Ticks are enqueued this early and deferred to their time, so that a slow call does not delay them; as in arq."""

BAR_MS: Final = 2 * 86_400_000
"""How long a tick's id stays blocked: longer than any worker may have been suspended in the middle of the call."""

FREQUENT_BAR_MS: Final = 3_600_000
"""The same for ticks less than a minute apart, whose blocked ids would fill Redis."""

OWN_ID_BAR_MS: Final = 60_000
"""The longest time that a tick of a job with an id of its own blocks the next one; as in arq."""

CLOCK_S: Final = 60.0
"""How often Redis is asked for its time."""

_MAX_SLEEP_S: Final = 30.0
_MIN_SLEEP_S: Final = 0.05


class Clock(Protocol):
    """Redis' time."""

    async def now(self, redis: Redis) -> datetime:
        """The time."""
        ...


class CronScheduler:
    """Enqueues the ticks of its entries.

    1. start: read the newest ticks from Redis, and enqueue the entries that run at startup.
    2. run_once: enqueue what is due, each tick once.
    3. Sleep until the next tick. After a Redis error, the newest missed tick is due.

    Args:
        entries: what to enqueue.
        queue: the queue of entries that name none.
        codecs: write and sign payloads.
        events: is notified of the ticks that this worker has enqueued.
        ttl_ms: how long after its time a tick may be started, in ms; 0 for no limit.
        started: the startup time for `run_at_startup`. If it is the same for all workers of a pool, the job is enqueued
            once for all of them. Default: when this scheduler starts.
        since: for entries without a known tick, the time from which on ticks count as missed. Default: likewise.
        clock: Redis' time. Default: Redis is asked now and then.
        ahead: how early a tick is enqueued. Default: a second.
    """

    def __init__(
        self,
        entries: Iterable[CronEntry],
        *,
        queue: QueueRef,
        codecs: Codecs,
        events: Dispatcher,
        ttl_ms: int = 0,
        started: datetime | None = None,
        since: datetime | None = None,
        clock: Clock | None = None,
        ahead: timedelta = AHEAD,
    ) -> None:
        self._entries = list(entries)
        self._ahead = ahead
        self._queue = queue
        self._queues = {entry.queue: cron_queue(entry.queue or queue) for entry in self._entries}
        self._codecs = codecs
        self._events = events
        self._ttl_ms = ttl_ms
        self._started = started
        self._since = since
        self._scheduler_id = os.urandom(8).hex()
        self._states: list[EntryState] | None = None
        self._clock = clock or RedisClock()
        self._status_writer = StatusWriter()

    async def run(self, redis: Redis) -> None:
        """Enqueues ticks until cancelled; on a cluster separately for each queue, since a queue's node may be down."""
        if is_cluster(redis) and len(self._queues) > 1:
            async with asyncio.TaskGroup() as group:
                for queue in self._queues:
                    group.create_task(self._of_queue(queue).run(redis))
            return
        outage = Outage(self._events, "enqueueing cron ticks")
        while True:
            try:
                wait_s = await self.run_once(redis)
                outage.passed()
            except (RedisError, OSError) as error:
                wait_s = outage.failed(error)
            await asyncio.sleep(wait_s)

    def _of_queue(self, queue: QueueRef | None) -> CronScheduler:
        """A scheduler for the entries of one queue."""
        return CronScheduler(
            [entry for entry in self._entries if entry.queue == queue],
            queue=self._queue,
            codecs=self._codecs,
            events=self._events,
            ttl_ms=self._ttl_ms,
            started=self._started,
            since=self._since,
        )

    async def run_once(self, redis: Redis) -> float:
        """Enqueues what is due, and returns the seconds until the next call. The first call is the start.

        Raises:
            RedisError: a call failed; the next call continues where this one stopped.
        """
        now = await self._clock.now(redis)
        if self._states is None:
            self._states = await self._begin(redis, now)
        for state in self._states:
            if state.pause_s <= 0:
                await self._run_entry(redis, state, now)
        if self._states and self._status_writer.is_due:
            await self._status_writer.write(redis, [self._status_of(state, now) for state in self._states])
        return self._sleep_s(now)

    async def _run_entry(self, redis: Redis, state: EntryState, now: datetime) -> None:
        """Enqueues what is due for one entry. An error that affects only this entry does not delay the others.

        On a cluster, one node may be down, and with it the queues of some entries.
        """
        of_entry = (RedisError, OSError, PayloadError) if is_cluster(redis) else (ResponseError, PayloadError)
        doing = f"enqueueing cron ticks of {state.entry.name}"
        try:
            await self._start(redis, state, now)
            if state.next_tick <= now + self._ahead:
                await self._enqueue_due(redis, state, now)
        except of_entry as error:
            if state.fail():
                self._events.redis_lost(doing, error)
            return
        if state.backoff.failing:
            state.backoff.reset()
            self._events.redis_back(doing)

    def _status_of(self, state: EntryState, now: datetime) -> tuple[CronQueue, str, EntryStatus]:
        entry = state.entry
        zone = str(entry.schedule.zone)
        status = EntryStatus(entry.name, entry.job_name, entry.schedule.text, zone, _ms(state.next_tick), _ms(now))
        return self._queues[entry.queue], entry.redis_field, status

    async def _begin(self, redis: Redis, now: datetime) -> list[EntryState]:
        states = []
        for entry in self._entries:
            last = self._since or now
            if entry.remembers and (
                newest_ms := await self._queues[entry.queue].newest_tick_ms(redis, entry.redis_field)
            ):
                # A tick may include fractions of a ms: the next one comes after them.
                last = min(now, _moment(newest_ms + 1))
            states.append(EntryState(entry, last, entry.schedule.next_after(last), entry.run_at_startup))
        return states

    async def _start(self, redis: Redis, state: EntryState, now: datetime) -> None:
        if state.starts:
            self._started = self._started or now
            await self._enqueue(redis, state.entry, self._tick(state.entry, self._started, now, OWN_ID_BAR_MS))
            state.starts = False

    async def _enqueue_due(self, redis: Redis, state: EntryState, now: datetime) -> None:
        entry = state.entry
        ticks, next_tick = due_ticks(entry.schedule, state.last, now + self._ahead, entry.catch_up)
        for at, tick in enumerate(ticks):
            following = ticks[at + 1] if at + 1 < len(ticks) else next_tick
            made = self._tick(entry, tick, now, _ms(following) - _ms(tick), records=entry.remembers)
            await self._enqueue(redis, entry, made)
            state.last = tick
        state.next_tick = next_tick

    async def _enqueue(self, redis: Redis, entry: CronEntry, tick: Tick) -> None:
        if await self._queues[entry.queue].enqueue_tick(redis, tick) is Enqueued.ADDED:
            self._events.schedule_fired(entry.name, tick.job_id)

    def _tick(self, entry: CronEntry, tick: datetime, now: datetime, gap_ms: int, *, records: bool = False) -> Tick:
        job_id, bar_ms = self._id_and_bar(entry, tick, gap_ms)
        times = self._queues[entry.queue].payload_times(_ms(now), _ms(tick), self._ttl_ms)
        written = write_payload(
            self._codecs.write,
            entry.job_name,
            entry.args,
            entry.kwargs,
            times.enqueue_ms,
            due_ms=times.due_ms,
            expires_ms=times.expires_ms,
            options=entry.options,
        )
        return Tick(
            job_id=job_id,
            payload=self._codecs.seal(written, "job", job_id.encode()),
            name=entry.job_name,
            lane=entry.lane,
            due_ms=_ms(tick),
            ttl_ms=self._ttl_ms,
            bar_ms=bar_ms,
            entry=entry.redis_field if records else None,
        )

    def _id_and_bar(self, entry: CronEntry, tick: datetime, gap_ms: int) -> tuple[str, int]:
        if entry.job_id is not None:
            # All ticks share one id, so its block must have ended before the next one.
            return entry.job_id, max(1, min(OWN_ID_BAR_MS, gap_ms // 2))
        job_id = tick_id(entry.name, tick)
        bar_ms = BAR_MS if gap_ms >= OWN_ID_BAR_MS or entry.catch_up else FREQUENT_BAR_MS
        return (job_id if entry.unique else f"{job_id}:{self._scheduler_id}"), bar_ms

    def _sleep_s(self, now: datetime) -> float:
        if not self._states:
            return _MAX_SLEEP_S
        until_s = min(
            max(state.pause_s, (state.next_tick - self._ahead - now).total_seconds()) for state in self._states
        )
        return min(_MAX_SLEEP_S, max(_MIN_SLEEP_S, until_s))


class RedisClock:
    """Redis' time: read now and then, and extrapolated with this machine's monotonic clock."""

    def __init__(self) -> None:
        self._asked_s: float | None = None
        self._offset_s = 0.0

    async def now(self, redis: Redis) -> datetime:
        """Redis' time."""
        before_s = time.monotonic()
        if self._asked_s is None or before_s - self._asked_s > CLOCK_S:
            seconds, micros = server_time(*await redis.time())
            after_s = time.monotonic()
            self._offset_s = seconds + micros / 1e6 - (before_s + after_s) / 2
            self._asked_s = after_s
        return datetime.fromtimestamp(self._offset_s + time.monotonic(), tz=UTC)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _moment(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC)
