"""The scope of a worker: what all its runs share, and the contexts of runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.run import NO_HEADERS
from monarq.shared.clock import moment
from monarq.shared.payloads.progress import ProgressAwaitable, ProgressReport
from monarq.shared.protocol.lease import Lease
from monarq.workers.runs.current_context import CONTEXT_MAKER, CURRENT_CONTEXT, RESOURCES
from monarq.workers.runs.run import ActiveRun
from monarq.workers.runs.run_progress import RunProgress

if TYPE_CHECKING:
    from monarq.producer import Producer, SyncProducer
    from monarq.producer.beside_worker import ThreadProducer, WorkerProducer

CURRENT_SCOPE: Final[ContextVar[WorkerScope | None]] = ContextVar("monarq_worker_scope", default=None)
"""The scope of the worker; None outside of one."""


class WorkerScope:
    """What the runs of one worker share.

    Attributes:
        resources: the resources that the worker opened at startup, by name.
        worker_id: the worker's name in Redis.

    Args:
        worker_id: the worker's name in Redis.
        resources: the resources that it opened at startup, by name; jobs can read but not change them.
        is_stopping: returns whether it claims no more jobs because it is about to end.
        open_progress: returns the object in which the run of a lease reports its progress.
        make_producer: creates the producer of its jobs; called when a job first asks for it.
    """

    def __init__(
        self,
        worker_id: str,
        resources: Mapping[str, Any],
        is_stopping: Callable[[], bool],
        open_progress: Callable[[Lease], RunProgress],
        make_producer: Callable[[], WorkerProducer],
    ) -> None:
        self.worker_id = worker_id
        self.resources = resources
        self._seen = MappingProxyType(resources)
        self.is_stopping = is_stopping
        self._open_progress = open_progress
        self._make_producer = make_producer
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._producers: tuple[WorkerProducer, ThreadProducer] | None = None

    def enter(self) -> None:
        """Makes it the scope of this task and of the tasks that it starts."""
        CURRENT_SCOPE.set(self)
        CONTEXT_MAKER.set(self.context_of)
        RESOURCES.set(self.resources)

    def producer_of(self, run: ActiveRun) -> Producer | SyncProducer:
        """The producer for the lane of a run. Any thread may call it."""
        on_loop, in_threads = self._open_producers()
        return on_loop if run.job.is_io else in_threads

    def _open_producers(self) -> tuple[WorkerProducer, ThreadProducer]:
        with self._lock:
            if self._producers is None:
                from monarq.producer.beside_worker import ThreadProducer  # deferred: most workers never need it

                made = self._make_producer()
                self._producers = made, ThreadProducer(made, self._loop)
            return self._producers

    async def close(self) -> None:
        """Closes the producers of its jobs."""
        if self._producers is not None:
            await self._producers[0].end()

    def progress_of(self, run: ActiveRun) -> RunProgress:
        """The progress of a run, opened on first use."""
        if run.progress is None:
            run.progress = self._open_progress(run.lease)
            # The first use may come after a run that never started.
            run.progress.closed = run.finish_ms > 0
        return run.progress

    def context_of(self, run: ActiveRun) -> Context | SyncContext:
        """Creates the context of a run, and makes it the current one."""
        lease, job = run.lease, run.job
        kind = Context if job.is_io else SyncContext
        state = _StateOfRun(run, self)
        context = kind(
            job_id=lease.job_id,
            job_name=job.name,
            job_try=run.job_try,
            crashes=lease.crashes,
            queue=lease.queue.name,
            lane=job.lane,
            enqueued_at=moment(run.payload.enqueue_ms),
            deadline=deadline_of(run.start_ms / 1000, job.timeout_s),
            headers=run.payload.headers or NO_HEADERS,
            resources=self._seen,
            worker_id=self.worker_id,
            _state=state,
            # A thread must not open it, since the run may end meanwhile.
            _sink=state if job.is_io else self.progress_of(run),
        )
        CURRENT_CONTEXT.set(context)
        return context


def deadline_of(start_s: float, timeout_s: float | None) -> datetime | None:
    """When a run exceeds its timeout, by this machine's clock."""
    return None if timeout_s is None else datetime.fromtimestamp(start_s + timeout_s, tz=UTC)


class _StateOfRun:
    """What the context of a run needs from its worker. On the event loop, the first report opens its progress."""

    __slots__ = ("_run", "_scope")

    def __init__(self, run: ActiveRun, scope: WorkerScope) -> None:
        self._run = run
        self._scope = scope

    @property
    def should_stop(self) -> bool:
        """See `monarq.shared.calls.context.RunState`."""
        return self._run.cancel_reason is not None or self._scope.is_stopping()

    @property
    def producer(self) -> Any:
        """See `monarq.shared.calls.context.RunState`."""
        return self._scope.producer_of(self._run)

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """See `monarq.shared.payloads.progress.ProgressSink`."""
        return self._scope.progress_of(self._run).send(report)
