"""The progress reporter: sends the progress that jobs report, in batches, about eight times a second.

A job's `ctx.progress` stores its newest report in its `RunProgress` and continues; a report that is replaced before it
is sent is never sent. At the end of a job, its last report is briefly waited for, so that watchers see it before the
end. Redis errors end nothing: what could not be sent is sent when Redis answers again.
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

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import BATCH, KEEP_REPORT, WorkerQueue
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import Outage
from monarq.workers.runs.run_progress import RunProgress

PAUSE_S: Final = 0.12
"""The pause between two batches: nine a second plus a job's last report make ten writes a second for a job."""

KEEP_S: Final = 60.0
"""How long the last report outlives its job or worker."""

LAST_WAIT_S: Final = 1.0
"""How long the end of a job waits for its last report if Redis is slow."""

Batch = dict[RunProgress, bytes]


class ProgressReporter:
    """Sends the progress of one worker's runs.

    1. open: a run may report from now on.
    2. note: a run has reported; the next batch includes the report.
    3. run: sends batch after batch, and keeps older reports of running jobs from expiring.
    4. close: a run is over; its last report is sent at once.
    """

    def __init__(self, *, redis: Redis, queues: Mapping[QueueRef, WorkerQueue], events: Dispatcher) -> None:
        self._redis = redis
        self._queues = queues
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._outage = Outage(events, "reporting progress")
        self._pending: dict[RunProgress, None] = {}
        self._last: dict[RunProgress, asyncio.Future[None]] = {}
        self._in_flight: Batch = {}
        self._sent: dict[RunProgress, None] = {}
        self._wakeup = asyncio.Event()
        self._next_s = 0.0
        self._keep_s = 0.0

    def open(self, lease: Lease) -> RunProgress:
        """Returns the object in which the run of this lease reports its progress."""
        return RunProgress(lease, self.note)

    def note(self, progress: RunProgress) -> None:
        """Notes that a run has a new report. Any thread may call it."""
        if threading.get_ident() == self._thread_id:
            self._add(progress)
        else:
            self._loop.call_soon_threadsafe(self._add, progress)

    async def close(self, progress: RunProgress) -> None:
        """Forgets a run that is over once its last report is sent, or could not be sent for a while.

        If it is cancelled, it stops waiting, since the end of a job matters more than its last report.
        """
        progress.closed = True
        self._pending.pop(progress, None)
        self._sent.pop(progress, None)
        if not progress.noted and progress not in self._in_flight:
            return
        sent = self._last[progress] = self._loop.create_future()
        self._wakeup.set()
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(LAST_WAIT_S):
                await sent
        self._last.pop(progress, None)

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._until_due()
            self._in_flight = self._take_due()
            for queue, batch in _batches(self._in_flight):
                await self._send(self._queues[queue], batch)
            self._in_flight = {}

    def _add(self, progress: RunProgress) -> None:
        if not progress.closed:
            self._pending[progress] = None
            self._wakeup.set()

    async def _until_due(self) -> None:
        while not self._last:
            due_s = min(self._next_s if self._pending else math.inf, self._keep_s if self._sent else math.inf)
            if due_s <= self._loop.time():
                return
            self._wakeup.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if due_s == math.inf else due_s):
                    await self._wakeup.wait()

    def _take_due(self) -> Batch:
        """The reports to send now: those of runs that are over or have a new one, and from time to time all."""
        now_s = self._loop.time()
        due = dict.fromkeys(self._last)
        if self._next_s <= now_s:
            self._next_s = now_s + PAUSE_S
            due |= self._pending
            self._pending = {}
        batch: Batch = {}
        if self._keep_s <= now_s:
            self._keep_s = now_s + KEEP_S / 3
            batch = dict.fromkeys(self._sent, KEEP_REPORT)
        return batch | {progress: progress.take() for progress in due}

    async def _send(self, queue: WorkerQueue, batch: Batch) -> None:
        reports = [(progress.lease, report) for progress, report in batch.items()]
        try:
            await queue.report_progress(self._redis, reports, round(KEEP_S * 1000))
        except (RedisError, OSError) as error:
            self._note_again(batch)
            await asyncio.sleep(self._outage.failed(error))
            return
        self._outage.passed()
        self._sent |= {progress: None for progress in batch if not progress.closed}
        for progress in batch:
            # A report noted by now arrived during this call and has not been sent.
            sent = None if progress.noted else self._last.pop(progress, None)
            if sent is not None and not sent.done():
                sent.set_result(None)

    def _note_again(self, batch: Batch) -> None:
        for progress, report in batch.items():
            if report != KEEP_REPORT:
                progress.noted = True
                self._add(progress)


def _batches(reports: Mapping[RunProgress, bytes]) -> Iterator[tuple[QueueRef, Batch]]:
    """Splits the reports into batches of one queue each, no larger than one call takes."""
    queues: dict[QueueRef, Batch] = {}
    for progress, report in reports.items():
        queues.setdefault(progress.lease.queue, {})[progress] = report
    for queue, of_queue in queues.items():
        pairs = iter(of_queue.items())
        while batch := dict(islice(pairs, BATCH)):
            yield queue, batch
