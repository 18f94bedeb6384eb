"""The supervisor: keeps a pool of worker processes running, in the process of `monarq worker`.

It starts the workers, replaces one that dies and puts its jobs back into their queues at once, kills one that hangs,
replaces them one by one on SIGHUP, and lets them finish their jobs on SIGTERM. It runs no job, and needs Redis only to
recover jobs, so that no job can take it down. If it is killed nevertheless, its workers drain by themselves.
"""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Sequence
from typing import Final

from monarq.shared.redis.connection import open_redis
from monarq.workers.config.spec import SupervisorLimits, WorkerSpec
from monarq.workers.control.messages import CANNOT_START, Ready, Recover
from monarq.workers.leases.recoverer import Recoverer
from monarq.workers.supervisor.pool_state import PoolState, WorkerState
from monarq.workers.supervisor.recycler import RecycleLimits, Recycler
from monarq.workers.supervisor.supervisor_log import SupervisorLog, death_note
from monarq.workers.supervisor.worker_handle import COMMAND, WorkerHandle
from monarq.workers.supervisor.worker_slot import WorkerSlot
from monarq.workers.system.reaper import adopts_orphans, reap_orphans
from monarq.workers.system.signals import handling, hangup_means_stop, has_terminal

FAILED: Final = 1


class Supervisor:
    """The supervisor of a pool of workers.

    1. run: keep a worker running in each slot until all have ended for good.
    2. handle_<signal>: stop, hand back, restart, reap.
    3. When a worker has ended: log it, recover its jobs, and decide whether its slot gets another.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        workers: int,
        auto_size: bool = False,
        command: Sequence[str] = COMMAND,
        limits: SupervisorLimits | None = None,
        recycle_limits: RecycleLimits | None = None,
        log: SupervisorLog | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
            spec: what each worker runs.
            workers: how many.
            auto_size: whether the first worker may decide to stay the only one because its target requires it. Users of
                arq's settings rely on that, for instance for a port that a hook opens, or a cron that runs at startup.
                The others are started when the first one is ready.
            command: starts a worker process.
            limits: its time limits.
            recycle_limits: the limits at which a worker is replaced. Default: only if too many of its threads hang.
            log: where it logs; by default the logger ``monarq.supervisor``.
        """
        self._spec = spec
        self._command = command
        self._limits = limits or SupervisorLimits()
        self._recycle_limits = recycle_limits or RecycleLimits()
        self._log = log or SupervisorLog()
        self._recoverer = Recoverer(self._log)
        self._slots = [
            WorkerSlot(index, start=self._start, on_ended=self._on_ended, limits=self._limits, log=self._log)
            for index in range(workers)
        ]
        self._is_size_known = not auto_size
        self._slot_tasks: asyncio.TaskGroup | None = None
        self._workers: dict[int, WorkerHandle] = {}
        self._recoveries_to_delegate: list[Recover] = []
        self._restart_requested = False
        self._restarting: asyncio.Task[None] | None = None
        self._adopts_orphans = adopts_orphans()
        self._hangup_stops = hangup_means_stop()
        self._stopping = False
        self._was_ready = False
        self._failed_slots: set[int] = set()
        self._exit_code = 0

    @property
    def state(self) -> PoolState:
        """The state of the pool and its workers."""
        workers = sorted(self._workers.values(), key=lambda worker: worker.index)
        restarts = sum(slot.restarts for slot in self._slots)
        return PoolState(self._stopping, tuple(map(WorkerState.of, workers)), restarts)

    async def run(self) -> int:
        """Runs the pool until it is told to stop, or in burst mode until no job is left.

        Must run on plain asyncio in the main thread: it takes over SIGTERM, SIGINT, SIGHUP and SIGCHLD.

        Returns:
            The exit code: 0; 2 if the workers cannot start, for a reason that was logged; that of their processes,
            usually 1, if the user's own code raised before they took jobs or after the last one.
        """
        if self._is_size_known:
            self._log.started(len(self._slots))
        handlers = {
            signal.SIGCHLD: self.handle_chld,
            signal.SIGTERM: self.handle_term,
            signal.SIGINT: self.handle_term,
            signal.SIGHUP: self.handle_hup,
        }
        with handling(handlers):
            recycling = asyncio.create_task(Recycler(self._slots, self._recycle_limits, self._log).run())
            try:
                async with asyncio.TaskGroup() as self._slot_tasks:
                    self._run_slots(self._active_slots)
                await self._recoverer.finish()
                for order in self._recoveries_to_delegate:
                    self._log.jobs_left_to_leases(order.dead.worker_id, order.dead.lease_s)
            finally:
                recycling.cancel()
                for worker in self._workers.values():
                    worker.detach()
        self._log.stopped(self._exit_code)
        return self._exit_code

    def handle_term(self) -> None:
        """SIGTERM or SIGINT: lets the running jobs end; the second time, hands them back."""
        if not self._stopping:
            self._log.draining(len(self._workers))
            self._stop()
            return
        self._log.handing_back()
        for worker in self._workers.values():
            worker.hand_back()

    def handle_hup(self) -> None:
        """SIGHUP: replaces the workers one by one, or stops if it was sent because our terminal was closed."""
        if self._hangup_stops and not has_terminal():
            self.handle_term()
        elif not self._stopping:
            self._restart_requested = True
            if self._restarting is None:
                self._restarting = asyncio.get_running_loop().create_task(self._rolling_restart())

    def handle_chld(self) -> None:
        """SIGCHLD: reaps ended processes; as PID 1, also those that are not ours."""
        for worker in list(self._workers.values()):
            if worker.reap():
                del self._workers[worker.pid]
        if self._adopts_orphans and (count := reap_orphans(self._workers)):
            self._log.orphans_reaped(count)

    def _run_slots(self, slots: Sequence[WorkerSlot]) -> None:
        assert self._slot_tasks is not None
        for slot in slots:
            self._slot_tasks.create_task(slot.run())

    def _set_size(self, first: Ready) -> None:
        """Decides how many workers the pool has, depending on what the first one runs."""
        self._is_size_known = True
        spared = self._slots[1:]
        if first.one_process:
            del self._slots[1:]
            self._slots[0].one_at_a_time = True
            self._log.started(1, spared=len(spared))
        else:
            self._log.started(len(self._slots))
            self._run_slots(spared)

    @property
    def _active_slots(self) -> Sequence[WorkerSlot]:
        """The slots for which workers were started so far."""
        return self._slots if self._is_size_known else self._slots[:1]

    def _stop(self) -> None:
        self._stopping = True
        for slot in self._slots:
            slot.close()
        for worker in self._workers.values():
            worker.drain()

    async def _rolling_restart(self) -> None:
        while self._restart_requested and not self._stopping:
            self._restart_requested = False  # a request from now on means something even newer
            self._log.rolling_restart_begun(one_at_a_time=self._slots[0].one_at_a_time)
            failed = await self._restart_slots()
            if failed is not None and not self._stopping:
                self._log.rolling_restart_abandoned(failed.index)
            elif not self._stopping:
                self._log.rolling_restart_done()
        self._restarting = None

    async def _restart_slots(self) -> WorkerSlot | None:
        """Restarts one slot after the other; returns the one that failed, after which the rest are left alone."""
        for slot in self._slots:
            if not await slot.restart_worker():
                return slot
        return None

    def _start(self, index: int, restarts: int) -> WorkerHandle:
        # One worker warns about Redis and the target for all, and no successor does so again.
        warns = index == 0 and not self._was_ready
        worker = WorkerHandle.spawn(
            dataclasses.replace(self._spec, index=index, restarts=restarts, warns_for_pool=warns),
            self._command,
            limits=self._limits,
            log=self._log,
            on_ready=self._on_ready,
        )
        self._workers[worker.pid] = worker
        return worker

    def _on_ready(self, worker: WorkerHandle) -> None:
        self._was_ready = True
        if worker.ready is not None:
            if not self._is_size_known:
                self._set_size(worker.ready)
            self._log.worker_ready(worker, worker.ready)
        self._delegate_recoveries()

    def _on_ended(self, worker: WorkerHandle) -> bool:
        """Handles the end of a worker; returns whether another one is wanted in its slot."""
        if worker.clean_exit is not None:
            self._log.worker_ended(worker)
            is_followed = worker.clean_exit != "burst" and not self._stopping
            if worker.failed and not is_followed:
                self._exit_code = FAILED
            return is_followed
        if worker.ready is None and worker.start_error is not None:
            return self._on_start_failed(worker)
        if worker.ready is not None:
            self._log.worker_died(worker)
            self._recover(worker.ready, death_note(worker))
        elif not self._stopping:
            self._log.worker_died(worker)
        return not self._stopping

    def _recover(self, dead: Ready, reason: str) -> None:
        if dead.redis_url is not None:
            self._recoverer.start(dead, reason, open_redis(dead.redis_url))
        else:
            self._recoveries_to_delegate.append(Recover(dead, reason))
            self._delegate_recoveries()

    def _delegate_recoveries(self) -> None:
        """Makes a worker do the recoveries that need its connection to Redis: a serving one, or the next one."""
        serving = next((worker for worker in self._workers.values() if worker.is_serving), None)
        while serving is not None and self._recoveries_to_delegate:
            serving.recover(self._recoveries_to_delegate.pop())

    def _on_start_failed(self, worker: WorkerHandle) -> bool:
        """A worker cannot start. If others could, the reason may pass: Redis is down, or a new version is bad.

        User code may raise in all workers but one, for instance for a port that only one of them gets.
        """
        if self._stopping:
            return False
        self._failed_slots.add(worker.index)
        exit_code = worker.end.exit_code if worker.end is not None else None
        is_hopeless = exit_code == CANNOT_START or len(self._failed_slots) == len(self._active_slots)
        if self._was_ready or not is_hopeless:
            self._log.worker_start_failed(worker, again=self._slots[worker.index].worker is worker)
            return True
        self._log.cannot_start(worker)
        self._exit_code = FAILED if exit_code is None else exit_code
        self._stop()
        return False
