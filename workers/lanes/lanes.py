"""The three lanes of a worker: a run's function is called on the event loop, in a thread or in the CPU child."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from monarq.shared.errors import DeclarationError
from monarq.shared.lane import Lane
from monarq.shared.payloads.codec import MSGPACK, PICKLE
from monarq.shared.redis.connection import RedisSource, UrlSource
from monarq.shared.tracing.tracing import inject_context
from monarq.workers.config.app_parts import CpuLifespan
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.lanes.child_protocol import CpuCall, ProducerOptions
from monarq.workers.lanes.cpu_lane import CpuLane
from monarq.workers.lanes.cpu_progress import forward
from monarq.workers.lanes.thread_lane import ThreadLane
from monarq.workers.reporting.worker_record import RunCounters
from monarq.workers.runs.cpu_errors import CpuCloseError
from monarq.workers.runs.current_job import JobFields
from monarq.workers.runs.import_path import modules_of
from monarq.workers.runs.registered_job import RegisteredJob
from monarq.workers.runs.run import ActiveRun
from monarq.workers.runs.worker_scope import CURRENT_SCOPE


class Lanes:
    """Calls jobs in the lane that each declares."""

    def __init__(
        self,
        jobs: Mapping[str, RegisteredJob],
        settings: WorkerSettings,
        counters: RunCounters,
        worker_id: str,
        source: RedisSource | None = None,
        on_cut_short: Callable[[float], None] | None = None,
    ) -> None:
        """Creates the lanes; no process is started yet.

        Args:
            jobs: the worker's jobs, by name.
            settings: the worker's settings.
            counters: count abandoned threads.
            worker_id: the worker's name in Redis.
            source: where cpu jobs that ask for a producer enqueue.
            on_cut_short: see `CpuLane`.
        """
        self._threads = ThreadLane(settings.threads, counters, settings.thread_executor)
        self.has_cpu = any(job.lane_queue == "cpu" for job in jobs.values())
        cpu_jobs = [job for job in jobs.values() if job.lane is Lane.CPU]
        paths = [job.import_path for job in cpu_jobs if job.import_path is not None]
        self._cpu: CpuLane | None = None
        if paths:
            self._cpu = CpuLane(
                max_jobs_per_child=settings.cpu_jobs_per_child,
                preload=modules_of(paths),
                log=settings.log,
                worker_id=worker_id,
                producer=_producer_options(source, settings),
                lifespans=[_place_of(lifespan) for lifespan in settings.app.cpu_lifespans],
                jobs_with_resources=[job.name for job in cpu_jobs if job.resources is not None],
                on_cut_short=on_cut_short,
            )

    @property
    def child_pid(self) -> int | None:
        """The process id of the child process; None while there is none."""
        return None if self._cpu is None else self._cpu.pid

    def child_pids(self) -> set[int]:
        """The process ids of all its child processes, including those that are starting or ending."""
        return set() if self._cpu is None else self._cpu.pids

    async def start(self) -> None:
        """Starts the child process and waits until it is ready."""
        if self._cpu is not None:
            await self._cpu.start()

    async def stop(self) -> None:
        """Ends the child process; leaves running threads alone."""
        self._threads.stop()
        if self._cpu is not None:
            await self._cpu.stop()

    def check_closed(self) -> None:
        """Checks, once it is stopped, that the resources of the child process were closed.

        Raises:
            CpuCloseError: the app's `cpu_lifespan` raised an exception when it closed; the child has shown it.
        """
        if self._cpu is not None and self._cpu.failed_to_close:
            raise CpuCloseError

    def ask_to_stop(self) -> None:
        """Tells cpu jobs, through their contexts, that the worker is stopping."""
        if self._cpu is not None:
            self._cpu.ask_to_stop()

    def call(self, run: ActiveRun, lead: tuple[object, ...]) -> Awaitable[object]:
        """Calls the run's function with `lead` before the job's own arguments; returns an awaitable of the result.

        Raises:
            BaseException: whatever the job raises, or how its lane ended it; here or when awaited.
        """
        job = run.job
        if job.is_io:
            called: Awaitable[object] = job.function(*lead, *run.args, **run.kwargs)
            return called
        if job.lane is Lane.THREAD:
            return self._threads.run(partial(job.function, *lead, *run.args, **run.kwargs), run.name)
        return self._call_in_child(run, lead)

    async def _call_in_child(self, run: ActiveRun, lead: tuple[object, ...]) -> object:
        job, path = run.job, run.job.import_path
        assert self._cpu is not None
        assert path is not None
        call = CpuCall(
            path.module,
            path.qualname,
            run.args,
            run.kwargs,
            lead[0] if lead else None,
            fields_of(run),
            inject_context(),
            path.declared,
            job.resources is not None,
        )
        scope = CURRENT_SCOPE.get()
        on_message = None if scope is None else partial(forward, partial(scope.progress_of, run))
        run.forget_raised()  # by an earlier call, as middleware may call it again
        try:
            return await self._cpu.run(
                call,
                timeout_s=job.timeout_s,
                memory_bytes=job.memory_bytes,
                on_message=on_message,
                on_raised=run.note_raised,
            )
        except BaseException as error:
            if run.raised is not None:
                run.arrived = error
            elif isinstance(error, TimeoutError):  # the lane's own, not the job's
                run.note_timeout()
            raise


def _place_of(lifespan: CpuLifespan) -> tuple[str, str]:
    """The module and path under which another process finds a function.

    Raises:
        DeclarationError: it is not at the top level of a module.
    """
    module, qualname = str(lifespan.__module__), str(getattr(lifespan, "__qualname__", ""))
    found: object = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    if found is not lifespan or module == "__main__":
        raise DeclarationError(
            f"cpu_lifespan is {lifespan!r}, which the cpu lane's process cannot import: give a function at the top"
            " level of a module"
        )
    return module, qualname


def _producer_options(source: RedisSource | None, settings: WorkerSettings) -> ProducerOptions | None:
    """How cpu jobs reach Redis; None if that cannot be described to another process."""
    codecs, queue = settings.codecs, settings.app.queue
    if not isinstance(source, UrlSource) or codecs.write not in (MSGPACK, PICKLE):
        return None
    name, allow_pickle = codecs.write.name, codecs.allow_pickle
    return ProducerOptions(source.url, queue.name, queue.format, name, allow_pickle, settings.max_payload)


def fields_of(run: ActiveRun) -> JobFields:
    """The fields of a run that are sent to the child."""
    lease, payload, job = run.lease, run.payload, run.job
    return JobFields(
        lease.job_id,
        job.name,
        lease.queue.name,
        run.job_try,
        lease.crashes,
        payload.enqueue_ms,
        job.timeout_s,
        payload.headers,
    )
