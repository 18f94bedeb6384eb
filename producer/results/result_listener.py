"""Result listener: waits for the ends and the progress of jobs, for all handles of a producer.

It does not poll single jobs or send a command per job. Workers publish the ids of ended jobs on a channel of the queue.
The order ensures that nothing is missed: subscribe, then fetch, then wait for a message, then fetch again, unless the
message contained the result. One call fetches the results of hundreds of jobs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from redis.exceptions import TimeoutError as RedisTimeoutError

from monarq.producer.results import log
from monarq.producer.results.cluster_subscription import open_subscription
from monarq.producer.results.progress_watchers import ProgressWatcher, ProgressWatchers
from monarq.producer.results.result_waiters import ResultWaiter, ResultWaiters
from monarq.shared.errors import MonarqError, ProducerClosedError, ResultNotFoundError
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.protocol.producer_queue import ProducerQueue, Unfinished
from monarq.shared.protocol.transfer_notes import describe_queue
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.command_retry import MAX_PAUSE_S
from monarq.shared.redis.redis_errors import REDIS_ERRORS, CommandFailure, classify_failure, explain

BATCH: Final = 500
"""How many results one call fetches."""

POLL_INTERVAL_S: Final = 1.0
"""The interval at which the results of all awaited jobs are fetched without a message: arq's own workers publish
nothing, a job whose payload has expired ends silently, and the subscription may be lost for a while."""

POLL_PAUSE_FACTOR: Final = 10
"""A poll is followed by a pause of this many times its duration, so that polling takes at most a tenth of the time."""


class ResultListener:
    """Everything that one producer waits for.

    Args:
        redis: its own connections, so that a flood of enqueues does not delay results.
        poll_interval_s: see `POLL_INTERVAL_S`.

    Attributes:
        last_error: why the last lookup of results failed; None if it succeeded.
    """

    def __init__(self, redis: RedisClient, poll_interval_s: float = POLL_INTERVAL_S) -> None:
        self.last_error: BaseException | None = None
        self._redis = redis
        self._poll_interval_s = poll_interval_s
        self._result_waiters: dict[bytes, ResultWaiters] = {}  # by channel, as the next
        self._progress_watchers: dict[bytes, ProgressWatchers] = {}
        self._subscription = open_subscription(redis, self)
        self._wakeup = asyncio.Event()
        self._idle_since_s: float | None = None
        self._batch = BATCH
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def shown(self) -> str:
        """The address of Redis for messages, without secrets."""
        return self._redis.shown

    def wait(self, queue: ProducerQueue, job_id: str) -> asyncio.Future[bytes]:
        """A future for the job's result as bytes; cancel it to stop waiting.

        It raises ResultNotFoundError if there is neither a result nor a job that could produce one,
        RedisUnavailableError or RedisRefusedError if Redis refuses the lookup, and ProducerClosedError on `close`.
        """
        if self._closed:
            raise ProducerClosedError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        channel = queue.ended.encode()
        waiters = self._result_waiters.get(channel)
        if waiters is None:
            waiters = self._result_waiters[channel] = ResultWaiters(queue)
        if not waiters.subscribed:
            self._subscription.add(queue.ended)
        waiters.add(job_id, future)
        self._wake_up()
        return future

    def watch(self, queue: ProducerQueue, job_id: str, on_progress: Callable[[Progress], None]) -> ProgressWatcher:
        """Passes the job's reports to a function until `unwatch`, beginning with the latest one so far.

        Args:
            queue: the job's queue.
            job_id: the job's id.
            on_progress: called on the event loop; it must not block.

        Raises:
            ProducerClosedError: the listener is closed.
        """
        if self._closed:
            raise ProducerClosedError
        watchers = self._progress_watchers.setdefault(queue.reports.encode(), ProgressWatchers(queue))
        if not watchers.subscribed:
            self._subscription.add(queue.reports)
        watcher = ProgressWatcher(queue, job_id, on_progress)
        watchers.add(watcher)
        self._wake_up()
        return watcher

    def unwatch(self, watcher: ProgressWatcher) -> None:
        """Stops a watcher that `watch` started."""
        self._progress_watchers[watcher.queue.reports.encode()].remove(watcher)

    async def close(self) -> None:
        """Ends all waits with ProducerClosedError. May be called again."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def on_subscribed(self, channel: bytes) -> None:
        """See `SubscriptionHandler`: fetches what was published before the subscription."""
        waiting: ResultWaiters | ProgressWatchers | None = self._result_waiters.get(channel)
        if waiting is None:
            waiting = self._progress_watchers.get(channel)
        if waiting is not None:
            waiting.subscribed = True
            waiting.mark_all_due()
            self._wakeup.set()

    def on_message(self, channel: bytes, message: bytes) -> None:
        """See `SubscriptionHandler`: the message lists ended jobs or has reports of running ones."""
        watchers = self._progress_watchers.get(channel)
        if watchers is not None:
            watchers.dispatch(message)
        waiters = self._result_waiters.get(channel)
        if waiters is not None:
            watched = self._progress_watchers.get(waiters.queue.reports.encode(), ())
            if waiters.on_ended(waiters.queue.split_ended(message), watched):
                self._wakeup.set()

    def on_unsubscribed(self, channels: Iterable[str]) -> None:
        """See `SubscriptionHandler`."""
        for channel in map(str.encode, channels):
            waiting: ResultWaiters | ProgressWatchers | None = self._result_waiters.get(channel)
            if waiting is None:
                waiting = self._progress_watchers.get(channel)
            if waiting is not None:
                waiting.subscribed = False

    def idle_s(self) -> float:
        """See `SubscriptionHandler`."""
        now_s = asyncio.get_running_loop().time()
        if any(self._result_waiters.values()) or any(self._progress_watchers.values()):
            self._idle_since_s = None
        elif self._idle_since_s is None:
            self._idle_since_s = now_s
        return 0.0 if self._idle_since_s is None else now_s - self._idle_since_s

    def _wake_up(self) -> None:
        self._idle_since_s = None
        self._wakeup.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="monarq-listener")

    async def _run(self) -> None:
        make_error: Callable[[], Exception] = ProducerClosedError
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._subscription.run(), name="monarq-subscription")
                group.create_task(self._fetch_loop(), name="monarq-fetch-results")
        except Exception as error:
            make_error = partial(MonarqError, f"waiting for results failed, please report this as a bug: {error!r}")
            raise
        finally:
            self._closed = True
            for waiters in self._result_waiters.values():
                waiters.fail_all(make_error)

    async def _fetch_loop(self) -> None:
        """Fetches whatever is due, and everything once per poll interval. Never returns."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(longest_s=MAX_PAUSE_S)
        next_poll_s = 0.0
        while True:
            if not any(self._result_waiters.values()):
                await self._wakeup.wait()
                next_poll_s = loop.time() + self._poll_interval_s
            await self._wait_until(next_poll_s)
            started_s = loop.time()
            is_poll = started_s >= next_poll_s
            if is_poll:
                self._mark_all_results_due()
            if await self._fetch_due(backoff) and is_poll:
                took_s = loop.time() - started_s
                next_poll_s = loop.time() + max(self._poll_interval_s, POLL_PAUSE_FACTOR * took_s)

    async def _wait_until(self, deadline_s: float) -> None:
        """Waits until something is due or the deadline has passed."""
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._wakeup.wait()
        except TimeoutError:
            return
        self._wakeup.clear()

    def _mark_all_results_due(self) -> None:
        for waiters in self._result_waiters.values():
            waiters.mark_all_due()

    async def _fetch_due(self, backoff: Backoff) -> bool:
        """Fetches everything that is due. Returns False, after a pause, if Redis was unreachable."""
        try:
            await self._subscription.subscribe_pending()
            for queue_waiters in list(self._result_waiters.values()):
                while waiters := queue_waiters.take_due(self._batch):
                    await self._fetch_results(queue_waiters, waiters)
            for queue_watchers in list(self._progress_watchers.values()):
                while watchers := queue_watchers.take_due(self._batch):
                    await self._fetch_progress(queue_watchers.queue, watchers)
        except REDIS_ERRORS as error:
            self.last_error = error
            if not backoff.failing:
                log.lookup_failed(self._redis.shown, error)
            self._mark_all_results_due()
            for queue_watchers in self._progress_watchers.values():
                queue_watchers.mark_all_due()
            self._wakeup.set()
            await asyncio.sleep(backoff.next_s())
            return False
        self.last_error = None
        backoff.reset()
        return True

    async def _fetch_results(self, queue_waiters: ResultWaiters, waiters: list[ResultWaiter]) -> None:
        """Fetches the results of some jobs, and resolves the waiters of those that have ended."""
        queue = queue_waiters.queue
        try:
            found = await queue.find_results(self._redis, [waiter.job_id for waiter in waiters])
        except REDIS_ERRORS as error:
            if classify_failure(error) in (CommandFailure.REFUSED, CommandFailure.DENIED):
                queue_waiters.on_fetched(waiters, {each: explain(error, self._redis.shown) for each in waiters})
                return
            # The results may be too many for one reply within the timeout of a call.
            self._batch = max(1, self._batch // 4) if isinstance(error, RedisTimeoutError) else self._batch
            raise
        self._batch = min(BATCH, 2 * self._batch)
        ended: dict[ResultWaiter, bytes | Exception] = {}
        gone: list[ResultWaiter] = []
        for waiter, result in zip(waiters, found, strict=True):
            if result is Unfinished.GONE:
                gone.append(waiter)
            elif isinstance(result, bytes):
                ended[waiter] = result
        if gone:
            moved_to = await self._moved_to(queue)
            ended |= {waiter: ResultNotFoundError(waiter.job_id, str(queue.ref), moved_to) for waiter in gone}
        watchers = self._progress_watchers.get(queue.reports.encode())
        if watchers and (last := watchers.of_jobs(waiter.raw_id for waiter in ended)):
            # A job's end may be seen here before its last report has arrived.
            await self._fetch_progress(queue, last)
        queue_waiters.on_fetched(waiters, ended)

    async def _moved_to(self, queue: ProducerQueue) -> str:
        """A description of the queue that jobs were moved to; '' if none were moved, or it cannot be read."""
        try:
            target = await queue.find_moved_to(self._redis)
        except REDIS_ERRORS:
            return ""
        return describe_queue(target) if target else ""

    async def _fetch_progress(self, queue: ProducerQueue, watchers: Sequence[ProgressWatcher]) -> None:
        reports = await queue.find_progress(self._redis, [watcher.job_id for watcher in watchers])
        for watcher, report in zip(watchers, reports, strict=True):
            watcher.notify(None if report is None else decode_progress(report))
