"""The CPU lane: one warm child process of the worker, which runs plain `def` jobs.

The runner passes it a call and awaits the outcome, while the worker's event loop stays free. The lane guarantees that a
job that exceeds its timeout or memory limit, or is cancelled, is killed at once together with the processes it started,
whatever its code is doing. The death of a child never harms the worker: the next job gets a new child.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from monarq.shared.redis.backoff import Backoff
from monarq.shared.text.error_text import max_error_text
from monarq.workers.config.log_settings import LogSettings
from monarq.workers.lanes.child_process import RETIRE_LIMIT_S, STOPPED, ChildProcess
from monarq.workers.lanes.child_protocol import CLOSE_FAILED_EXIT, CpuCall, Frame, Hello, ProducerOptions
from monarq.workers.lanes.cpu_call import death_of, outcome_of, pack_call
from monarq.workers.lanes.memory_guard import MemoryGuard
from monarq.workers.runs.cpu_errors import CpuLaneError, CpuStartError, CpuUnreachableError
from monarq.workers.runs.raised_error import RaisedError
from monarq.workers.runs.time_limits import timeout_after
from monarq.workers.system.memory import read_resident_bytes
from monarq.workers.system.reaper import ExitStatus

_MAX_CHILDREN_PER_CALL = 3
"""A call fails after this many children in a row have ended before starting it."""

_FULL_SHARE = 0.8
"""A child whose earlier jobs left it with this share of a job's memory limit is replaced before the job."""


class CpuLane:
    """Runs calls in a child process, one at a time; others wait in order of arrival.

    Attributes:
        restarts: how often a child was replaced since the lane was created.
        failed_to_close: whether a lifespan of a child that `stop` ended raised an exception when it closed.
    """

    def __init__(
        self,
        *,
        max_jobs_per_child: int = 1000,
        default_memory_bytes: int | None = None,
        sys_path: Sequence[str] | None = None,
        preload: Sequence[str] = (),
        log: LogSettings | None = None,
        worker_id: str = "",
        producer: ProducerOptions | None = None,
        lifespans: Sequence[tuple[str, str]] = (),
        jobs_with_resources: Sequence[str] = (),
        on_cut_short: Callable[[float], None] | None = None,
    ) -> None:
        """Creates a lane; no process is started yet.

        Args:
            max_jobs_per_child: the number of jobs after which a child is replaced.
            default_memory_bytes: the limit for calls that have none; None for no limit.
            sys_path: entries of the child's import path before those of this process.
            preload: modules that a child imports before its first job.
            log: how a child logs; None leaves that to its jobs.
            worker_id: the worker's name in a child's log lines.
            lifespans: the functions that open resources for all jobs of a child.
            jobs_with_resources: the names of the jobs that ask for resources.
            producer: how a child's jobs reach Redis if they ask for a producer.
            on_cut_short: called with the limit in seconds for a child that was killed because its lifespans had not
                closed within it.
        """
        if max_jobs_per_child < 1:
            raise ValueError(f"max_jobs_per_child must be at least 1, not {max_jobs_per_child}")
        self.restarts = 0
        self.failed_to_close = False
        self._max_jobs_per_child = max_jobs_per_child
        self._default_memory_bytes = default_memory_bytes
        self._sys_path = tuple(sys_path or ())
        self._preload = tuple(preload)
        self._log = log
        self._worker_id = worker_id
        self._producer = producer
        self._lifespans = tuple(lifespans)
        self._jobs_with_resources = tuple(jobs_with_resources)
        self._on_cut_short = on_cut_short
        self._turn = asyncio.Lock()
        self._child: ChildProcess | None = None
        self._starting: asyncio.Task[ChildProcess] | None = None
        self._children: set[ChildProcess] = set()
        self._backoff = Backoff()
        self._stopped = False
        self._asks_to_stop = False

    @property
    def busy(self) -> bool:
        """Whether a call runs or waits."""
        return self._turn.locked()

    @property
    def pid(self) -> int | None:
        """The process id of the child; None while none is alive."""
        return self._child.pid if self._child is not None and self._child.usable else None

    @property
    def pids(self) -> set[int]:
        """The process ids of all children that have not ended."""
        return {child.pid for child in self._children if child.exit_status is None}

    async def start(self) -> None:
        """Starts the child and waits until it is ready; does nothing if it already is.

        Raises:
            CpuStartError: the child died, failed to preload, or took over a minute.
        """
        self._stopped = False
        await self._usable_child()

    def ask_to_stop(self) -> None:
        """Tells jobs, through their contexts, that the worker is stopping; also jobs that start later."""
        self._asks_to_stop = True
        for child in self._children:
            child.ask_to_stop()

    async def stop(self) -> None:
        """Ends the child, at once if it is busy; its call raises CpuJobDied. May be called at any time, also twice."""
        self._stopped = True
        children, starting = tuple(self._children), self._starting
        for child in children:
            child.retire(STOPPED)
        for child in children:
            await child.wait_ended()
            self.failed_to_close |= child.exit_status is not None and child.exit_status.exit_code == CLOSE_FAILED_EXIT
        self._forget_ended()
        if starting is not None:
            # It fails because of us, so there is no error to report.
            await asyncio.gather(starting, return_exceptions=True)

    async def run(
        self,
        call: CpuCall,
        *,
        timeout_s: float | None,
        memory_bytes: int | None = None,
        on_message: Callable[[Any], None] | None = None,
        on_raised: Callable[[RaisedError], None] | None = None,
    ) -> Any:
        """Runs a call in the child and returns its result. If cancelled, it kills the job.

        Args:
            call: what to run.
            timeout_s: how long the job may run, in seconds, once it is sent to the child; None for no limit.
            memory_bytes: how much resident memory the child may use meanwhile; None for the lane's default.
            on_message: called in the event loop with each payload that the job passes to cpu_child.send_message().
            on_raised: called with a description of the exception that the function raised, before it is raised here.

        Raises:
            Exception: what the function raised, with the child's traceback as its `__cause__`.
            CpuJobError: a stand-in for the function's exception if that cannot be raised here.
            CpuPickleError: the arguments or the result cannot be pickled; the child lives on.
            CpuUnreachableError: the function cannot be imported by name in another process.
            TimeoutError: the job exceeded its timeout and was killed.
            CpuMemoryExceeded: the job exceeded its memory limit and was killed.
            CpuJobDied: the child died while running the job, or the lane was stopped.
            CpuStartError: no child could be started, or none started the call.
        """
        if call.declared is None and (call.module == "__main__" or "<" in call.qualname):
            raise CpuUnreachableError(call.module, call.qualname)
        limit_bytes = self._default_memory_bytes if memory_bytes is None else memory_bytes
        async with self._turn:
            for _ in range(_MAX_CHILDREN_PER_CALL):
                child = await self._child_with_memory(limit_bytes)
                try:
                    frame = await self._call_child(child, call, timeout_s, limit_bytes, on_message)
                finally:
                    self._replace_if_due(child)
                if frame is not None:
                    return outcome_of(call, frame, on_raised)
        raise CpuStartError(f"{_MAX_CHILDREN_PER_CALL} of them ended in a row before they had started {call.qualname}")

    async def _call_child(
        self,
        child: ChildProcess,
        call: CpuCall,
        timeout_s: float | None,
        limit_bytes: int | None,
        on_message: Callable[[Any], None] | None,
    ) -> Frame | None:
        """The child's answer; None if the child ended before it started the call, which another child then runs."""
        guard = None
        if limit_bytes is not None:
            guard = MemoryGuard(pid=child.pid, limit_bytes=limit_bytes, on_excess=child.kill)
            guard.start()
        try:
            async with timeout_after(timeout_s):
                reply = await child.request(pack_call(child, call), on_message)
        except TimeoutError:
            raise TimeoutError(f"{call.qualname} exceeded its timeout of {timeout_s:g} s and was killed") from None
        finally:
            if guard is not None:
                guard.stop()
        if not isinstance(reply, ExitStatus):
            return reply
        if child.has_started_call or (guard is not None and guard.exceeded):
            raise death_of(call, reply, guard)
        return None

    async def _child_with_memory(self, limit_bytes: int | None) -> ChildProcess:
        """A usable child; a fresh one if the memory left by earlier jobs would make a job with this limit fail."""
        child = await self._usable_child()
        if limit_bytes is None or not child.jobs or read_resident_bytes(child.pid) < limit_bytes * _FULL_SHARE:
            return child
        child.retire()
        return await self._usable_child()

    async def _usable_child(self) -> ChildProcess:
        if self._stopped:
            raise CpuLaneError("the CPU lane is stopped: call start() before run()")
        if self._child is not None:
            if self._child.refresh():
                return self._child
            self._child.retire()
        # Shielded, since others may wait for the same child, and the next call needs it anyway.
        return await asyncio.shield(self._warm_up())

    def _warm_up(self) -> asyncio.Task[ChildProcess]:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start_child())
        return self._starting

    async def _start_child(self) -> ChildProcess:
        try:
            if self._stopped:
                raise CpuLaneError("the CPU lane was stopped while its child was starting")
            path = list(dict.fromkeys((*self._sys_path, *sys.path)))
            child = ChildProcess.spawn(path)
            if self._asks_to_stop:
                child.ask_to_stop()
            self._forget_ended()
            self._children.add(child)
            python_path = os.environ.get("PYTHONPATH")
            await child.prepare(
                Hello(
                    path,
                    python_path,
                    list(self._preload),
                    self._log,
                    self._worker_id,
                    max_error_text(),
                    self._producer,
                    self._lifespans,
                    self._jobs_with_resources,
                )
            )
            self.restarts += self._child is not None
            self._child = child
            self._backoff.reset()
            return child
        except CpuStartError:
            # Callers retry; pause, so that this is not a busy loop if the system refuses at once.
            await asyncio.sleep(self._backoff.next_s())
            raise
        finally:
            self._starting = None

    def _forget_ended(self) -> None:
        """Forgets the children that have ended."""
        for child in [child for child in self._children if child.exit_status is not None]:
            self._children.remove(child)
            if child.is_cut_short and self._lifespans and self._on_cut_short is not None:
                self._on_cut_short(RETIRE_LIMIT_S)

    def _replace_if_due(self, child: ChildProcess) -> None:
        """Starts the next child before it is needed, if this one is dead or has run its share of jobs."""
        if child.jobs >= self._max_jobs_per_child:
            child.retire()
        if not self._stopped and not child.usable:
            self._warm_up()
