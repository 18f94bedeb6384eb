"""The three lanes of a worker as one thing that calls a run's function wherever it belongs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from monarq.shared.calls.return_value import check_return_value
from monarq.shared.lane import Lane
from monarq.shared.payloads.remote_error import as_stand_in
from monarq.shared.tracing.tracing import inject_context
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.lanes.child_progress import pass_on
from monarq.workers.lanes.cpu_lane import CpuCall, CpuLane
from monarq.workers.reporting.counters import RunCounters
from monarq.workers.runs.current_job import JobFields
from monarq.workers.runs.registered import RegisteredJob
from monarq.workers.runs.run import Run
from monarq.workers.system.forks import FORKS

_MOST_ABANDONED: Final = 1000
"""Threads that were given up may be so many before they take places from jobs."""


class Lanes:
    """Calls jobs: on the loop, in a thread, or in the child process.

    Attributes:
        counters: where threads that were given up are counted, for as long as they go on.
    """

    def __init__(
        self, jobs: Mapping[str, RegisteredJob], settings: WorkerSettings, counters: RunCounters, worker_id: str
    ) -> None:
        self.counters = counters
        self._thread_places = asyncio.Semaphore(settings.threads)
        self._threads = ThreadPoolExecutor(settings.threads + _MOST_ABANDONED, thread_name_prefix="monarq-job")
        paths = [job.import_path for job in jobs.values() if job.import_path is not None]
        self._cpu: CpuLane | None = None
        if paths:
            self._cpu = CpuLane(
                max_jobs_per_child=settings.cpu_jobs_per_child,
                preload=sorted({path.module for path in paths}),
                log=settings.log,
                worker_id=worker_id,
            )

    @property
    def has_cpu(self) -> bool:
        """Whether there is a job for the cpu lane."""
        return self._cpu is not None

    @property
    def child_pid(self) -> int | None:
        """The process id of the child process; None while there is none."""
        return None if self._cpu is None else self._cpu.pid

    def child_pids(self) -> set[int]:
        """The process ids of all its child processes, those too that are warmed up or about to end."""
        return set() if self._cpu is None else self._cpu.pids

    async def start(self) -> None:
        """Warms the child process up."""
        if self._cpu is not None:
            await self._cpu.start()

    async def stop(self) -> None:
        """Ends the child process; threads that still run are left to themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._cpu is not None:
            await self._cpu.stop()

    async def call(self, run: Run, lead: tuple[object, ...]) -> object:
        """Calls the run's function with `lead` in front of the job's own arguments.

        Raises:
            BaseException: whatever the job raises, or how its lane ended it.
        """
        job, payload = run.job, run.payload
        if job.lane is Lane.IO:
            value: object = await job.function(*lead, *payload.args, **payload.kwargs)
            return value
        if job.lane is Lane.THREAD:
            return await self._call_in_thread(run, lead)
        return await self._call_in_child(run, lead)

    async def _call_in_thread(self, run: Run, lead: tuple[object, ...]) -> object:
        payload = run.payload
        call = partial(run.job.function, *lead, *payload.args, **payload.kwargs)
        async with self._thread_places:
            work = self._threads.submit(copy_context().run, _caught, call, run.name)
            try:
                value, error = await asyncio.wrap_future(work)
            except asyncio.CancelledError:
                if not work.cancel():
                    self._abandon(work)
                raise
        if error is None:
            return value
        try:
            # Out of a coroutine, Python would raise a RuntimeError in its place.
            raise as_stand_in(error) if isinstance(error, StopIteration) else error
        finally:
            del error  # it holds this frame by its traceback

    def _abandon(self, work: Future[Any]) -> None:
        """A thread cannot be stopped: it goes on, nobody waits for it, and another job has its place."""
        self.counters.abandoned_threads += 1
        in_loop = asyncio.get_running_loop().call_soon_threadsafe

        def come_back(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody counts any more
                in_loop(self._take_back)

        work.add_done_callback(come_back)

    def _take_back(self) -> None:
        self.counters.abandoned_threads -= 1

    async def _call_in_child(self, run: Run, lead: tuple[object, ...]) -> object:
        job, payload, path = run.job, run.payload, run.job.import_path
        assert self._cpu is not None
        assert path is not None
        call = CpuCall(
            path.module,
            path.qualname,
            payload.args,
            payload.kwargs,
            lead[0] if lead else None,
            JobFields.of(run),
            inject_context(),
            path.declared,
        )
        on_message = None if run.progress is None else partial(pass_on, run.progress)
        return await self._cpu.run(
            call,
            timeout_s=job.timeout_s,
            memory_bytes=job.memory_bytes,
            on_message=on_message,
            on_raised=run.note_raised,
        )


def _caught(call: Callable[[], object], name: str) -> tuple[object, BaseException | None]:
    """What a call in a thread returned or raised, as a value: a future would never give a StopIteration out again."""
    try:
        return check_return_value(call(), name), None
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        return None, error
    finally:
        FORKS.end_if_fork()
