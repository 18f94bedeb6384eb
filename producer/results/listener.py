"""Waits for results on behalf of all handles of a producer: no polling, and no command per job.

Workers tell on a channel of the queue which jobs have ended. The order makes sure that nothing is missed: subscribe,
then look, then wait to be told, then look again. One look asks for hundreds of jobs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from redis.exceptions import TimeoutError as RedisTimeoutError

from monarq.producer import log
from monarq.producer.results.progress_watchers import QueueWatches, Watch
from monarq.producer.results.result_waiters import QueueWaiters, Waiter
from monarq.producer.results.subscription import Subscription
from monarq.shared.commands.jobs.progress import progress_command
from monarq.shared.errors import MonarqError, ProducerClosedError, ResultNotFoundError
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.redis import keys as names
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.command_retry import MAX_PAUSE_S
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.redis_errors import REDIS_ERRORS, CommandFailure, classify_failure, explain
from monarq.shared.redis.scripts import Argument

BATCH: Final = 500
"""How many jobs one look asks for."""

LOOK_EVERY_S: Final = 1.0
"""How often all jobs that are waited for are looked at, although nobody told of them: arq's own workers tell nothing,
a job whose time has run out ends without anybody's doing, and a channel may not be heard for a while."""

LOOK_SHARE: Final = 10
"""A look at everything is followed by a pause of so many times its length: it takes a tenth of the time at most."""


class Listener:
    """Everything that one producer waits for.

    Args:
        redis: connections of its own, so that no flood of enqueues delays a result.
        look_every_s: see `LOOK_EVERY_S`.
    """

    def __init__(self, redis: RedisClient, look_every_s: float = LOOK_EVERY_S) -> None:
        self._redis = redis
        self._look_every_s = look_every_s
        self._channels: dict[bytes, QueueWaiters] = {}
        self._reports: dict[bytes, QueueWatches] = {}
        self._subscription = Subscription(redis, self)
        self._news = asyncio.Event()
        self._idle_since_s: float | None = None
        self._batch = BATCH
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def wait(self, keys: QueueKeys, job_id: str) -> asyncio.Future[bytes]:
        """A future of the job's result, as bytes; cancel it to wait no more.

        It raises ResultNotFoundError where there is neither a result nor a job that could make one,
        RedisUnavailableError or RedisRefusedError where Redis does not let us look, ProducerClosedError on `close`.
        """
        if self._closed:
            raise ProducerClosedError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        queue = self._channels.get(keys.ended.encode())
        if queue is None:
            queue = self._channels[keys.ended.encode()] = QueueWaiters(keys)
        if not queue.heard:
            self._subscription.want(keys.ended)
        queue.add(job_id, future)
        self._wake_up()
        return future

    def watch(self, keys: QueueKeys, job_id: str, on_progress: Callable[[Progress], None]) -> Watch:
        """Has the job's progress told as it comes, until `unwatch`; first what it told before, where that is known.

        Args:
            keys: the keys of its queue.
            job_id: the job.
            on_progress: called on the event loop; it must not block.

        Raises:
            ProducerClosedError: the listener is closed.
        """
        if self._closed:
            raise ProducerClosedError
        queue = self._reports.setdefault(keys.reports.encode(), QueueWatches(keys))
        if not queue.heard:
            self._subscription.want(keys.reports)
        watch = Watch(keys, job_id, on_progress)
        queue.add(watch)
        self._wake_up()
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Ends what `watch` began."""
        self._reports[watch.keys.reports.encode()].leave(watch)

    async def close(self) -> None:
        """Wakes all who wait with ProducerClosedError. May be called again."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def subscribed(self, channel: bytes) -> None:
        """See `Audience`: what ended before is looked up now, and what ends from now on is told."""
        queue: QueueWaiters | QueueWatches | None = self._channels.get(channel)
        if queue is None:
            queue = self._reports.get(channel)
        if queue is not None:
            queue.heard = True
            queue.make_all_due()
            self._news.set()

    def told(self, channel: bytes, message: bytes) -> None:
        """See `Audience`: the message is the ids of jobs that have ended, or what running ones tell."""
        watches = self._reports.get(channel)
        if watches is not None:
            watches.tell(message)
        queue = self._channels.get(channel)
        if queue is not None and queue.tell(message.split(b"\0")):
            self._news.set()

    def unsubscribed(self) -> None:
        """See `Audience`."""
        for queue in self._channels.values():
            queue.heard = False
        for reports in self._reports.values():
            reports.heard = False

    def idle_s(self) -> float:
        """See `Audience`."""
        now_s = asyncio.get_running_loop().time()
        if any(self._channels.values()) or any(self._reports.values()):
            self._idle_since_s = None
        elif self._idle_since_s is None:
            self._idle_since_s = now_s
        return 0.0 if self._idle_since_s is None else now_s - self._idle_since_s

    def _wake_up(self) -> None:
        self._idle_since_s = None
        self._news.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="monarq-listener")

    async def _run(self) -> None:
        make_error: Callable[[], Exception] = ProducerClosedError
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._subscription.run(), name="monarq-hearing")
                group.create_task(self._look_on(), name="monarq-looking")
        except Exception as error:
            make_error = partial(MonarqError, f"the wait for results has broken down: {error!r}")
            raise
        finally:
            self._closed = True
            for queue in self._channels.values():
                queue.end_all(make_error)

    async def _look_on(self) -> None:
        """Looks at what is due, for ever, and at everything now and then."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(longest_s=MAX_PAUSE_S)
        look_at_all_s = 0.0
        while True:
            if not any(self._channels.values()):
                await self._news.wait()
                look_at_all_s = loop.time() + self._look_every_s
            await self._news_until(look_at_all_s)
            started_s = loop.time()
            everything = started_s >= look_at_all_s
            if everything:
                self._make_all_due()
            if await self._look_at_due(backoff) and everything:
                took_s = loop.time() - started_s
                look_at_all_s = loop.time() + max(self._look_every_s, LOOK_SHARE * took_s)

    async def _news_until(self, deadline_s: float) -> None:
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    def _make_all_due(self) -> None:
        for queue in self._channels.values():
            queue.make_all_due()

    async def _look_at_due(self, backoff: Backoff) -> bool:
        """Looks at all that is due; False when Redis was not there, after a pause."""
        try:
            await self._subscription.catch_up()
            for queue in list(self._channels.values()):
                while waiters := queue.take_due(self._batch):
                    await self._look_at(queue, waiters)
            for reports in list(self._reports.values()):
                while watches := reports.take_due(self._batch):
                    await self._look_at_progress(reports.keys, watches)
        except REDIS_ERRORS as error:
            if not backoff.failing:
                log.looking_failed(self._redis.shown, error)
            self._make_all_due()
            for reports in self._reports.values():
                reports.make_all_due()
            self._news.set()
            await asyncio.sleep(backoff.next_s())
            return False
        backoff.reset()
        return True

    async def _look_at(self, queue: QueueWaiters, waiters: list[Waiter]) -> None:
        """Looks at some jobs, and ends the wait for those that have ended."""
        try:
            scores, tokens, results = await self._redis.execute(*_questions(queue.keys, waiters))
        except REDIS_ERRORS as error:
            if classify_failure(error) in (CommandFailure.REFUSED, CommandFailure.DENIED):
                for waiter in waiters:
                    queue.end(waiter, explain(error, self._redis.shown))
                return
            # Perhaps so many results are too much for one reply in the time that a call may take.
            self._batch = max(1, self._batch // 4) if isinstance(error, RedisTimeoutError) else self._batch
            raise
        self._batch = min(BATCH, 2 * self._batch)
        ended: dict[Waiter, bytes | Exception] = {}
        for waiter, score, token, result in zip(waiters, scores, tokens, results, strict=True):
            if result is not None:
                ended[waiter] = result
            elif score is None and token is None:
                ended[waiter] = ResultNotFoundError(waiter.job_id)
        reports = self._reports.get(queue.keys.reports.encode())
        if reports and (watches := reports.of(waiter.raw_id for waiter in ended)):
            # What a job told last may not have been heard when its end is seen here.
            await self._look_at_progress(queue.keys, watches)
        for waiter, outcome in ended.items():
            queue.end(waiter, outcome)

    async def _look_at_progress(self, keys: QueueKeys, watches: Sequence[Watch]) -> None:
        [values] = await self._redis.execute(progress_command(keys, [watch.job_id for watch in watches]))
        for watch, value in zip(watches, values, strict=True):
            watch.tell(None if value is None else decode_progress(value))


def _questions(keys: QueueKeys, waiters: list[Waiter]) -> list[tuple[Argument, ...]]:
    """Whether the jobs wait, whether somebody runs them, and then their results.

    The results come last: a job that ends in between has left its queue at the first question at the earliest, and
    has its result at the last one.
    """
    job_ids = [waiter.job_id for waiter in waiters]
    return [
        ("ZMSCORE", keys.queue, *job_ids),
        ("MGET", *map(names.in_progress, job_ids)),
        ("MGET", *map(names.result, job_ids)),
    ]
