"""One place in the pool of workers, in which one worker is kept running.

The supervisor has a seat for each worker. A worker that ends is followed by another, after a pause that grows while
workers of this seat die young, and stays short where they could work; in a rolling restart the successor is ready
before the old worker is told to stop, unless the seat is one of which there may never be two workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from monarq.shared.redis.backoff import Backoff
from monarq.workers.config.spec import Limits
from monarq.workers.supervisor.log import SupervisorLog
from monarq.workers.supervisor.worker_handle import WorkerProcess


class Seat:
    """A place in the pool.

    1. keep: start a worker, and another when it has ended, until closed.
    2. renew, or succeed: put a new worker in the old one's place without a gap.
    3. close: nobody is seated any more; whoever sits here is told to stop by the supervisor.

    Attributes:
        index: which place it is.
        restarts: how many workers have ended here unasked, and were replaced.
        one_at_a_time: whether a worker has to end before another may start in its place.
    """

    def __init__(
        self,
        index: int,
        *,
        start: Callable[[int, int], WorkerProcess],
        on_ended: Callable[[WorkerProcess], bool],
        limits: Limits,
        log: SupervisorLog,
    ) -> None:
        """Nothing is started yet.

        Args:
            index: which place it is.
            start: starts a worker for a place, given how many others have ended there unasked, or raises OSError.
            on_ended: hears of each worker that has ended, and says whether another one is wanted.
            limits: how long to pause.
            log: who hears of what goes wrong.
        """
        self.index = index
        self.restarts = 0
        self.one_at_a_time = False
        self._start = start
        self._on_ended = on_ended
        self._steady_s = limits.steady_s
        self._log = log
        self._after_work = Backoff(limits.restart_first_s, limits.restart_worked_s)
        self._after_refusal = Backoff(limits.restart_first_s, limits.restart_refused_s)
        self._after_failure = Backoff(limits.restart_first_s, limits.restart_longest_s)
        self._closed = asyncio.Event()
        self._watches: asyncio.TaskGroup | None = None
        self._succeeding = asyncio.Lock()
        self._worker: WorkerProcess | None = None
        self._successor: WorkerProcess | None = None
        self._leaving: WorkerProcess | None = None

    async def keep(self) -> None:
        """Keeps a worker running; ends when the last worker has, and no other is wanted."""
        async with asyncio.TaskGroup() as self._watches:
            self._watches.create_task(self._fill())

    def close(self) -> None:
        """Starts no more workers; safe to call twice."""
        self._closed.set()

    @property
    def worker(self) -> WorkerProcess | None:
        """Who sits here."""
        return self._worker

    async def renew(self) -> bool:
        """Replaces the worker by a new one, and waits until it has ended.

        Returns:
            False when the new one did not become ready, and the old one stays.
        """
        old = self._worker
        if old is None:
            return True  # what is started next is new anyway
        if self.one_at_a_time:
            self._leaving = old
        elif not await self.succeed(old):
            return False
        old.drain()
        await old.wait_ended()
        return True

    async def succeed(self, old: WorkerProcess) -> bool:
        """Puts a new worker in this one's place, if it has it still; to let the old one end is left to the caller.

        Returns:
            False when the new one did not become ready, and the old one keeps its place.
        """
        async with self._succeeding:
            if self._worker is not old or self._closed.is_set():
                return True
            try:
                new = self._successor = self._seat()
            except OSError as error:
                self._log.not_spawned(self.index, error)
                return False
            if not await new.wait_ready():
                return False
            if self._successor is new:
                self._worker, self._successor = new, None
            return True

    async def _fill(self) -> None:
        while not self._closed.is_set():
            try:
                self._worker = self._seat()
                return
            except OSError as error:
                self._log.not_spawned(self.index, error)
                await self._pause(self._after_failure.next_s())

    def _seat(self) -> WorkerProcess:
        assert self._watches is not None
        worker = self._start(self.index, self.restarts)
        self._watches.create_task(self._watch(worker))
        return worker

    async def _watch(self, worker: WorkerProcess) -> None:
        await worker.wait_ended()
        wants_another = self._on_ended(worker)
        if worker is self._successor:
            self._successor = None
        if worker is not self._worker:
            return  # another one has its place
        self._worker, self._successor = self._successor, None
        if self._worker is not None or not wants_another:
            return
        if worker is not self._leaving:
            self.restarts += 1
            await self._pause(self._backoff_after(worker).next_s())
        await self._fill()

    def _backoff_after(self, worker: WorkerProcess) -> Backoff:
        """Short where it could work: jobs wait, and what killed it cannot do so for long, as its job is dead soon."""
        if worker.ready is None:
            return self._after_failure if worker.refusal is None else self._after_refusal
        self._after_failure.reset()
        self._after_refusal.reset()
        if worker.age_s >= self._steady_s:
            self._after_work.reset()
        return self._after_work

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._closed.wait()
        except TimeoutError:
            return
