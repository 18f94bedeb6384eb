"""Keeps a pool of worker processes running: the process of `monarq worker`.

It starts them, starts another in the place of one that dies and gives the dead one's jobs back at once, kills one
that hangs, replaces them one by one on SIGHUP, and lets them end their jobs on SIGTERM. It runs no job, and needs Redis
only to repair, so that no job can take it down; if it is killed all the same, its workers drain by themselves.
"""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Sequence
from typing import Final

from monarq.shared.redis.connection import open_redis
from monarq.workers.config.spec import Limits, WorkerSpec
from monarq.workers.control.messages import Ready, Repair
from monarq.workers.leases.recoverer import Repairer
from monarq.workers.supervisor.log import SupervisorLog, death_of
from monarq.workers.supervisor.pool_state import PoolState, WorkerState
from monarq.workers.supervisor.recycler import Recycler, Share
from monarq.workers.supervisor.worker_handle import COMMAND, WorkerProcess
from monarq.workers.supervisor.worker_slot import Seat
from monarq.workers.system.reaper import adopts_orphans, reap_orphans
from monarq.workers.system.signals import handling, hangup_means_stop, has_terminal

FAILED: Final = 1
CANNOT_START: Final = 2
"""Exit code of a worker, and of its supervisor, when the settings are wrong or Redis is not there."""


async def supervise(
    spec: WorkerSpec,
    *,
    workers: int,
    one_for_arq: bool = False,
    limits: Limits | None = None,
    share: Share | None = None,
    log: SupervisorLog | None = None,
) -> int:
    """Runs a pool of workers until they are told to stop, or in burst mode until no job is left.

    Must run on plain asyncio in the main thread: it takes over SIGTERM, SIGINT, SIGHUP and SIGCHLD.

    Args:
        spec: what each worker runs.
        workers: how many.
        one_for_arq: one is enough where the target turns out to be arq's settings: their users count on it, with a
            port that a hook opens say, or a cron that runs at the start. Only the first worker can tell, so the
            others are started when it is ready.
        limits: how long to wait for what.
        share: what a worker is to do before another takes its place. Default: whatever comes, until too many of its
            threads hang.
        log: who hears of what happens; by default the logger ``monarq.supervisor``.

    Returns:
        The exit code: 0; 2 when the workers cannot start, for a reason that was logged; that of their processes, mostly
        1, where the user's own code has raised before they took jobs, or after the last one.
    """
    return await Supervisor(spec, workers=workers, one_for_arq=one_for_arq, limits=limits, share=share, log=log).run()


class Supervisor:
    """A pool of workers.

    1. run: keep all seats filled until every worker has ended for good.
    2. handle_<signal>: stop, hand back, renew, reap.
    3. a worker that ended: log it, repair what it held, and say whether its seat gets another.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        workers: int,
        one_for_arq: bool = False,
        command: Sequence[str] = COMMAND,
        limits: Limits | None = None,
        share: Share | None = None,
        log: SupervisorLog | None = None,
    ) -> None:
        """Starts nothing yet; `command` is what a worker process is started with."""
        self._spec = spec
        self._command = command
        self._limits = limits or Limits()
        self._share = share or Share()
        self._log = log or SupervisorLog()
        self._repairer = Repairer(self._log)
        self._seats = [
            Seat(index, start=self._start, on_ended=self._on_ended, limits=self._limits, log=self._log)
            for index in range(workers)
        ]
        self._is_sized = not one_for_arq
        self._filling: asyncio.TaskGroup | None = None
        self._workers: dict[int, WorkerProcess] = {}
        self._repairs_to_pass_on: list[Repair] = []
        self._renewal_asked = False
        self._renewal: asyncio.Task[None] | None = None
        self._adopts_orphans = adopts_orphans()
        self._hangup_stops = hangup_means_stop()
        self._stopping = False
        self._was_ready = False
        self._failed_seats: set[int] = set()
        self._exit_code = 0

    @property
    def state(self) -> PoolState:
        """How the pool and its workers stand."""
        workers = sorted(self._workers.values(), key=lambda worker: worker.index)
        restarts = sum(seat.restarts for seat in self._seats)
        return PoolState(self._stopping, tuple(map(WorkerState.of, workers)), restarts)

    async def run(self) -> int:
        """Runs the pool; see `supervise`."""
        if self._is_sized:
            self._log.started(len(self._seats))
        handlers = {
            signal.SIGCHLD: self.handle_chld,
            signal.SIGTERM: self.handle_term,
            signal.SIGINT: self.handle_term,
            signal.SIGHUP: self.handle_hup,
        }
        with handling(handlers):
            recycling = asyncio.create_task(Recycler(self._seats, self._share, self._log).run())
            try:
                async with asyncio.TaskGroup() as self._filling:
                    self._fill(self._opened)
                await self._repairer.finish()
                for repair in self._repairs_to_pass_on:
                    self._log.jobs_left_to_leases(repair.dead)
            finally:
                recycling.cancel()
                for worker in self._workers.values():
                    worker.abandon()
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
        """SIGHUP: replaces the workers one by one, or stops when it came as our terminal was closed."""
        if self._hangup_stops and not has_terminal():
            self.handle_term()
        elif not self._stopping:
            self._renewal_asked = True
            if self._renewal is None:
                self._renewal = asyncio.get_running_loop().create_task(self._renew())

    def handle_chld(self) -> None:
        """SIGCHLD: reaps what has ended; as PID 1 also what is not ours."""
        for worker in list(self._workers.values()):
            if worker.reap():
                del self._workers[worker.pid]
        if self._adopts_orphans and (count := reap_orphans(self._workers)):
            self._log.orphans_reaped(count)

    def _fill(self, seats: Sequence[Seat]) -> None:
        assert self._filling is not None
        for seat in seats:
            self._filling.create_task(seat.keep())

    def _size(self, first: Ready) -> None:
        """Settles how many workers there are to be, by what the first one runs."""
        self._is_sized = True
        spared = self._seats[1:]
        if first.one_process:
            del self._seats[1:]
            self._seats[0].one_at_a_time = True
            self._log.started(1, spared=len(spared))
        else:
            self._log.started(len(self._seats))
            self._fill(spared)

    @property
    def _opened(self) -> Sequence[Seat]:
        """The places that workers were started for so far."""
        return self._seats if self._is_sized else self._seats[:1]

    def _stop(self) -> None:
        self._stopping = True
        for seat in self._seats:
            seat.close()
        for worker in self._workers.values():
            worker.drain()

    async def _renew(self) -> None:
        while self._renewal_asked and not self._stopping:
            self._renewal_asked = False  # asked again from now on, there is something newer still
            self._log.renewing(one_at_a_time=self._seats[0].one_at_a_time)
            failed = await self._renew_seats()
            if failed is not None and not self._stopping:
                self._log.renewal_given_up(failed.index)
            elif not self._stopping:
                self._log.renewed()
        self._renewal = None

    async def _renew_seats(self) -> Seat | None:
        """Renews one seat after the other; gives the one where that failed, and the rest are left as they are."""
        for seat in self._seats:
            if not await seat.renew():
                return seat
        return None

    def _start(self, index: int, restarts: int) -> WorkerProcess:
        # What can be said of the Redis and the target, one worker says for all, and no successor again.
        audits = index == 0 and not self._was_ready
        worker = WorkerProcess.spawn(
            dataclasses.replace(self._spec, index=index, restarts=restarts, audits=audits),
            self._command,
            limits=self._limits,
            log=self._log,
            on_ready=self._on_ready,
        )
        self._workers[worker.pid] = worker
        return worker

    def _on_ready(self, worker: WorkerProcess) -> None:
        self._was_ready = True
        if worker.ready is not None:
            if not self._is_sized:
                self._size(worker.ready)
            self._log.worker_ready(worker, worker.ready)
        self._pass_repairs_on()

    def _on_ended(self, worker: WorkerProcess) -> bool:
        """Does what is due for a worker that has ended; says whether another one is wanted in its seat."""
        if worker.farewell is not None:
            self._log.worker_left(worker)
            is_followed = worker.farewell != "burst" and not self._stopping
            if worker.failed and not is_followed:
                self._exit_code = FAILED
            return is_followed
        if worker.ready is None and worker.refusal is not None:
            return self._on_refused(worker)
        if worker.ready is not None:
            self._log.worker_died(worker)
            self._repair(worker.ready, death_of(worker))
        elif not self._stopping:
            self._log.worker_died(worker)
        return not self._stopping

    def _repair(self, dead: Ready, what: str) -> None:
        if dead.redis_url is not None:
            self._repairer.begin(dead, what, open_redis(dead.redis_url))
        else:
            self._repairs_to_pass_on.append(Repair(dead, what))
            self._pass_repairs_on()

    def _pass_repairs_on(self) -> None:
        """Lets a worker do the repairs that need its connection to Redis; the next that is ready, where none is now."""
        serving = next((worker for worker in self._workers.values() if worker.is_serving), None)
        while serving is not None and self._repairs_to_pass_on:
            serving.ask_repair(self._repairs_to_pass_on.pop())

    def _on_refused(self, worker: WorkerProcess) -> bool:
        """A worker cannot start. Where others could, the reason may pass: a Redis that is away, a bad new version.

        What the user's code raises may do so in all workers but one, as a port that only one of them gets.
        """
        if self._stopping:
            return False
        self._failed_seats.add(worker.index)
        exit_code = worker.end.exit_code if worker.end is not None else None
        is_hopeless = exit_code == CANNOT_START or len(self._failed_seats) == len(self._opened)
        if self._was_ready or not is_hopeless:
            self._log.worker_refused(worker, again=self._seats[worker.index].worker is worker)
            return True
        self._log.cannot_start(worker)
        self._exit_code = FAILED if exit_code is None else exit_code
        self._stop()
        return False
