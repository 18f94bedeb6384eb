"""Who reports progress: sends what jobs tell of themselves, in batches, some eight times a second.

A job's `ctx.progress` leaves its newest report in its `RunProgress` and goes on; what is not sent when a newer one
comes is never sent. Only what a job told last is waited for at its end, for a moment, so that whoever watches sees it
before the end. No error of Redis ends anything: what could not be sent is sent when Redis answers again.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.jobs.progress import BATCH, KEEP, report_progress
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.runs.run_progress import RunProgress

PAUSE_S: Final = 0.12
"""Between two batches: nine of them in a second, and the report before its end, make ten writes of a job."""

KEEP_S: Final = 60.0
"""How long the last report outlives its job, or the worker that told it."""

LAST_WAIT_S: Final = 1.0
"""How long a job's end waits for its last report, where Redis is slow."""

Batch = dict[RunProgress, bytes]


class ProgressReporter:
    """Sends the progress of one worker's runs.

    1. open: a run may tell from now on.
    2. note: it has told something, which goes with the next batch.
    3. run: sends batch after batch, and keeps what running jobs told a while ago from being forgotten.
    4. close: a run is over; what it told last goes out at once.
    """

    def __init__(self, *, redis: Redis, worker_id: str, events: Dispatcher) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._outage = Outage(events, "reporting progress")
        self._noted: dict[RunProgress, None] = {}
        self._last: dict[RunProgress, asyncio.Future[None]] = {}
        self._on_its_way: Batch = {}
        self._shown: dict[RunProgress, None] = {}
        self._news = asyncio.Event()
        self._next_s = 0.0
        self._keep_s = 0.0

    def open(self, lease: Lease) -> RunProgress:
        """Where the run of this lease tells its progress."""
        return RunProgress(lease, self.note)

    def note(self, told: RunProgress) -> None:
        """A run has told something new. Any thread may call it."""
        if threading.get_ident() == self._thread_id:
            self._add(told)
        else:
            self._loop.call_soon_threadsafe(self._add, told)

    async def close(self, told: RunProgress) -> None:
        """Forgets a run that is over, when what it told last is sent, or could not be for a while.

        Cancelled, it waits no longer and goes on: the end of a job is more than its last report.
        """
        told.closed = True
        self._noted.pop(told, None)
        self._shown.pop(told, None)
        if not told.noted and told not in self._on_its_way:
            return
        sent = self._last[told] = self._loop.create_future()
        self._news.set()
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(LAST_WAIT_S):
                await sent
        self._last.pop(told, None)

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._until_due()
            self._on_its_way = self._take_due()
            for keys, batch in _batches(self._on_its_way):
                await self._send(keys, batch)
            self._on_its_way = {}

    def _add(self, told: RunProgress) -> None:
        if not told.closed:
            self._noted[told] = None
            self._news.set()

    async def _until_due(self) -> None:
        while not self._last:
            due_s = min(self._next_s if self._noted else math.inf, self._keep_s if self._shown else math.inf)
            if due_s <= self._loop.time():
                return
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if due_s == math.inf else due_s):
                    await self._news.wait()

    def _take_due(self) -> Batch:
        """What is to be sent now: of the runs that are over, of those that told something, and of all now and then."""
        now_s = self._loop.time()
        due = dict.fromkeys(self._last)
        if self._next_s <= now_s:
            self._next_s = now_s + PAUSE_S
            due |= self._noted
            self._noted = {}
        batch: Batch = {}
        if self._keep_s <= now_s:
            self._keep_s = now_s + KEEP_S / 3
            batch = dict.fromkeys(self._shown, KEEP)
        return batch | {told: told.take() for told in due}

    async def _send(self, keys: QueueKeys, batch: Batch) -> None:
        reports = [(told.lease, report) for told, report in batch.items()]
        try:
            await report_progress(self._redis, keys, self._worker_id, reports, round(KEEP_S * 1000))
        except (RedisError, OSError) as error:
            self._note_again(batch)
            await asyncio.sleep(self._outage.failed(error))
            return
        self._outage.passed()
        self._shown |= {told: None for told in batch if not told.closed}
        for told in batch:
            # What is noted has come while this call was on its way, and is not sent yet.
            sent = None if told.noted else self._last.pop(told, None)
            if sent is not None and not sent.done():
                sent.set_result(None)

    def _note_again(self, batch: Batch) -> None:
        for told, report in batch.items():
            if report != KEEP:
                told.noted = True
                self._add(told)


def _batches(reports: Mapping[RunProgress, bytes]) -> Iterator[tuple[QueueKeys, Batch]]:
    """Of one queue each, and no more than one call takes."""
    queues: dict[str, Batch] = {}
    for told, report in reports.items():
        queues.setdefault(told.lease.queue.queue, {})[told] = report
    for of_queue in queues.values():
        pairs = iter(of_queue.items())
        while batch := dict(islice(pairs, BATCH)):
            yield next(iter(batch)).lease.queue, batch
