"""Who enqueues cron ticks: every worker has a keeper, and of each tick the first call counts.

A tick's job id is the same on all workers, and Redis bars it for days, so that neither a late worker nor a repeated
call makes a second job of it. Times are Redis' own; a worker's clock, and its jumps, do not matter.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from monarq.shared.commands.jobs.claim import read_number
from monarq.shared.commands.jobs.enqueue import Enqueued, Ids, Placing, enqueue
from monarq.shared.errors import PayloadError
from monarq.shared.jobs.cron_schedule import due_ticks, tick_id
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.payload import write_payload
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.cron.clock import RedisClock
from monarq.workers.cron.entry import CronEntry
from monarq.workers.cron.state import Course
from monarq.workers.cron.status import CronNotice, Kept
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage

AHEAD: Final = timedelta(seconds=1)
"""Ticks are enqueued so early, deferred to their time, that a slow call does not make them late; as arq does."""

BAR_MS: Final = 2 * 86_400_000
"""How long a tick's id stays barred: longer than any worker may have slept with the call in its hands."""

FREQUENT_BAR_MS: Final = 3_600_000
"""The same for ticks less than a minute apart, whose bars would fill Redis."""

OWN_ID_BAR_MS: Final = 60_000
"""The longest that one tick of a job with an id of its own bars the next; as arq does."""

REMEMBERED: Final = timedelta(days=400)
"""How long a queue's newest ticks are remembered after the last of them."""

_LONGEST_SLEEP_S: Final = 30.0
_SHORTEST_SLEEP_S: Final = 0.05


class CronKeeper:
    """Enqueues the ticks of its entries.

    1. start: remember the newest ticks, and enqueue what is to run at the start.
    2. look: enqueue what is due, each tick once.
    3. sleep until the next tick, and survive every error of Redis: then the newest missed tick is due.

    Args:
        entries: what to enqueue.
        queue: the queue of those that name none.
        codecs: what payloads are written in, and signed by.
        events: hears of ticks that this worker has enqueued.
        ttl_ms: ms after its time that a tick may be started; 0 for ever.
        started: what counts as the start for `run_at_startup`. Give all workers of a pool the same time, and the job
            is enqueued once for all of them. Default: when this keeper starts.
    """

    def __init__(
        self,
        entries: Iterable[CronEntry],
        *,
        queue: str,
        codecs: Codecs,
        events: Dispatcher,
        ttl_ms: int = 0,
        started: datetime | None = None,
    ) -> None:
        self._entries = list(entries)
        self._keys = QueueKeys.of(queue)
        self._codecs = codecs
        self._events = events
        self._ttl_ms = ttl_ms
        self._started = started
        self._own = os.urandom(8).hex()
        self._courses: list[Course] | None = None
        self._clock = RedisClock()
        self._notice = CronNotice()

    async def run(self, redis: Redis) -> None:
        """Enqueues ticks until cancelled."""
        outage = Outage(self._events, "enqueueing cron ticks")
        while True:
            try:
                wait_s = await self.look(redis)
                outage.passed()
            except (RedisError, OSError) as error:
                wait_s = outage.failed(error)
            await asyncio.sleep(wait_s)

    async def look(self, redis: Redis) -> float:
        """Enqueues what is due, and gives the seconds until it is time to look again. The first look is the start.

        Raises:
            RedisError: a call failed; look again, and go on where it stopped.
        """
        now = await self._clock.now(redis)
        if self._courses is None:
            self._courses = await self._begin(redis, now)
        for course in self._courses:
            if course.rest_s <= 0:
                await self._look_after(redis, course, now)
        if self._courses and self._notice.is_due:
            await self._notice.tell(redis, [self._notice_of(course, now) for course in self._courses])
        return self._sleep_s(now)

    async def _look_after(self, redis: Redis, course: Course, now: datetime) -> None:
        """Enqueues what is due of one entry. What Redis, or the payload, has against this one holds up no other."""
        doing = f"enqueueing cron ticks of {course.entry.name}"
        try:
            await self._start(redis, course, now)
            if course.next_tick <= now + AHEAD:
                await self._enqueue_due(redis, course, now)
        except (ResponseError, PayloadError) as error:
            if course.fail():
                self._events.redis_lost(doing, error)
            return
        if course.backoff.failing:
            course.backoff.reset()
            self._events.redis_back(doing)

    def _notice_of(self, course: Course, now: datetime) -> tuple[QueueKeys, str, Kept]:
        entry = course.entry
        zone = str(entry.schedule.zone)
        kept = Kept(entry.name, entry.job_name, entry.schedule.text, zone, _ms(course.next_tick), _ms(now))
        return self._keys_of(entry), entry.memory, kept

    async def _begin(self, redis: Redis, now: datetime) -> list[Course]:
        courses = []
        for entry in self._entries:
            last = now
            if entry.remembers and (newest_ms := await self._newest_ms(redis, entry)):
                # A tick may have parts of a ms: the next one is looked for behind them.
                last = min(now, _moment(newest_ms + 1))
            courses.append(Course(entry, last, entry.schedule.next_after(last), entry.run_at_startup))
        return courses

    async def _newest_ms(self, redis: Redis, entry: CronEntry) -> int:
        """When its newest tick was, unix ms; 0 where nothing that can be read tells of one."""
        try:
            newest_ms = await cast("Awaitable[bytes | None]", redis.hget(self._keys_of(entry).cron, entry.memory))
        except ResponseError:
            return 0  # a key of a wrong type: its ticks are not made up for
        return read_number(newest_ms or 0)

    async def _start(self, redis: Redis, course: Course, now: datetime) -> None:
        if course.starts:
            self._started = self._started or now
            await self._put(redis, course.entry, self._started, now, OWN_ID_BAR_MS)
            course.starts = False

    async def _enqueue_due(self, redis: Redis, course: Course, now: datetime) -> None:
        entry = course.entry
        ticks, next_tick = due_ticks(entry.schedule, course.last, now + AHEAD, entry.catch_up)
        for at, tick in enumerate(ticks):
            following = ticks[at + 1] if at + 1 < len(ticks) else next_tick
            await self._put(redis, entry, tick, now, _ms(following) - _ms(tick))
            course.last = tick
            if entry.remembers:
                await self._remember(redis, entry, tick)
        course.next_tick = next_tick

    async def _put(self, redis: Redis, entry: CronEntry, tick: datetime, now: datetime, gap_ms: int) -> None:
        job_id, bar_ms = self._id_and_bar(entry, tick, gap_ms)
        written = write_payload(self._codecs.write, entry.job_name, entry.args, entry.kwargs, _ms(now))
        payload = self._codecs.seal(written, "job", job_id.encode())
        placing = Placing(lane=entry.lane, due_ms=_ms(tick), ttl_ms=self._ttl_ms, tick_ms=bar_ms, name=entry.job_name)
        answers = await enqueue(redis, self._keys_of(entry), placing, Ids.NAMED, [(job_id, payload)])
        if answers[0] is Enqueued.ADDED:
            self._events.cron_enqueued(entry.name, job_id)

    def _id_and_bar(self, entry: CronEntry, tick: datetime, gap_ms: int) -> tuple[str, int]:
        if entry.job_id is not None:
            # All ticks have one id, so the bar must be down before the next one.
            return entry.job_id, max(1, min(OWN_ID_BAR_MS, gap_ms // 2))
        job_id = tick_id(entry.name, tick)
        bar_ms = BAR_MS if gap_ms >= OWN_ID_BAR_MS or entry.catch_up else FREQUENT_BAR_MS
        return (job_id if entry.unique else f"{job_id}:{self._own}"), bar_ms

    async def _remember(self, redis: Redis, entry: CronEntry, tick: datetime) -> None:
        key = self._keys_of(entry).cron
        async with redis.pipeline(transaction=True) as calls:
            calls.hset(key, entry.memory, str(_ms(tick)))
            calls.expire(key, REMEMBERED)
            await calls.execute()

    def _keys_of(self, entry: CronEntry) -> QueueKeys:
        return self._keys if entry.queue is None else QueueKeys.of(entry.queue)

    def _sleep_s(self, now: datetime) -> float:
        if not self._courses:
            return _LONGEST_SLEEP_S
        until_s = min(max(course.rest_s, (course.next_tick - AHEAD - now).total_seconds()) for course in self._courses)
        return min(_LONGEST_SLEEP_S, max(_SHORTEST_SLEEP_S, until_s))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _moment(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC)
