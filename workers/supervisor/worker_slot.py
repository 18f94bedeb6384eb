"""A worker slot: one place in the pool, in which one worker is kept running.

A worker that ends is followed by another after a pause, which grows while workers of this slot die early and stays
short if they could work. In a rolling restart, the successor is ready before the old worker is told to stop, unless the
slot may never have two workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from monarq.shared.redis.backoff import Backoff
from monarq.workers.config.spec import SupervisorLimits
from monarq.workers.supervisor.supervisor_log import SupervisorLog
from monarq.workers.supervisor.worker_handle import WorkerHandle


class WorkerSlot:
    """A slot of the pool.

    1. run: start a worker, and another when it has ended, until closed.
    2. restart_worker, or start_successor: replace the worker by a new one without a gap.
    3. close: no more workers are started; the supervisor tells the running one to stop.

    Attributes:
        index: its number in the pool.
        restarts: how many workers ended here unexpectedly and were replaced.
        one_at_a_time: whether a worker must end before its successor may start.
    """

    def __init__(
        self,
        index: int,
        *,
        start: Callable[[int, int], WorkerHandle],
        on_ended: Callable[[WorkerHandle], bool],
        limits: SupervisorLimits,
        log: SupervisorLog,
    ) -> None:
        """Starts nothing yet.

        Args:
            index: its number in the pool.
            start: starts a worker for a slot, given how many others ended there unexpectedly, or raises OSError.
            on_ended: called with each worker that has ended; returns whether another one is wanted.
            limits: how long to pause.
            log: where failures are logged.
        """
        self.index = index
        self.restarts = 0
        self.one_at_a_time = False
        self._start = start
        self._on_ended = on_ended
        self._steady_s = limits.steady_s
        self._log = log
        self._after_work = Backoff(limits.restart_first_s, limits.restart_worked_s)
        self._after_start_error = Backoff(limits.restart_first_s, limits.restart_start_error_s)
        self._after_failure = Backoff(limits.restart_first_s, limits.restart_longest_s)
        self._closed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._successor_lock = asyncio.Lock()
        self._worker: WorkerHandle | None = None
        self._successor: WorkerHandle | None = None
        self._being_restarted: WorkerHandle | None = None

    async def run(self) -> None:
        """Keeps a worker running; ends when the last worker has ended and no other is wanted."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._start_worker())

    def close(self) -> None:
        """Starts no more workers; safe to call twice."""
        self._closed.set()

    @property
    def worker(self) -> WorkerHandle | None:
        """The worker of this slot."""
        return self._worker

    async def restart_worker(self) -> bool:
        """Replaces the worker by a new one, and waits until the old one has ended.

        Returns:
            False if the new one did not become ready and the old one stays.
        """
        old = self._worker
        if old is None:
            return True  # the next one is new anyway
        if self.one_at_a_time:
            self._being_restarted = old
        elif not await self.start_successor(old):
            return False
        old.drain()
        await old.wait_ended()
        return True

    async def start_successor(self, old: WorkerHandle) -> bool:
        """Replaces this worker by a new one, if it still has the slot; the caller makes the old one end.

        Returns:
            False if the new one did not become ready and the old one keeps the slot.
        """
        async with self._successor_lock:
            if self._worker is not old or self._closed.is_set():
                return True
            try:
                new = self._successor = self._spawn()
            except OSError as error:
                self._log.spawn_failed(self.index, error)
                return False
            if not await new.wait_ready():
                return False
            if self._successor is new:
                self._worker, self._successor = new, None
            return True

    async def _start_worker(self) -> None:
        while not self._closed.is_set():
            try:
                self._worker = self._spawn()
                return
            except OSError as error:
                self._log.spawn_failed(self.index, error)
                await self._pause(self._after_failure.next_s())

    def _spawn(self) -> WorkerHandle:
        assert self._tasks is not None
        worker = self._start(self.index, self.restarts)
        self._tasks.create_task(self._watch(worker))
        return worker

    async def _watch(self, worker: WorkerHandle) -> None:
        await worker.wait_ended()
        wants_another = self._on_ended(worker)
        if worker is self._successor:
            self._successor = None
        if worker is not self._worker:
            return  # another one has the slot
        self._worker, self._successor = self._successor, None
        if self._worker is not None or not wants_another:
            return
        if worker is not self._being_restarted:
            self.restarts += 1
            await self._pause(self._backoff_after(worker).next_s())
        await self._start_worker()

    def _backoff_after(self, worker: WorkerHandle) -> Backoff:
        """Short if the worker could work: jobs wait, and a job that kills workers soon becomes a dead letter."""
        if worker.ready is None:
            return self._after_failure if worker.start_error is None else self._after_start_error
        self._after_failure.reset()
        self._after_start_error.reset()
        if worker.age_s >= self._steady_s:
            self._after_work.reset()
        return self._after_work

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._closed.wait()
        except TimeoutError:
            return
