"""The contexts of the jobs that run in a CPU child, built from the few fields that the worker sends.

It imports little, because it delays the child's start.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from monarq.shared.calls.context import SyncContext
from monarq.shared.clock import moment
from monarq.shared.lane import Lane
from monarq.workers.lanes.cpu_progress import OUTBOX
from monarq.workers.runs.current_context import CONTEXT_MAKER, CURRENT_CONTEXT, RESOURCES
from monarq.workers.runs.current_job import WORKER_ID, JobFields

if TYPE_CHECKING:
    from monarq.producer import SyncProducer
    from monarq.workers.lanes.child_protocol import ProducerOptions


class ChildContexts:
    """Creates the contexts of a child's jobs, and answers what they ask of the worker.

    Attributes:
        resources: the resources that the child opened at its start, by name.
        stack: closes the resources.
        producer_options: how its jobs reach Redis; None if unknown.
    """

    def __init__(self) -> None:
        self.resources: dict[str, Any] = {}
        self._seen = MappingProxyType(self.resources)
        self.stack = ExitStack()
        self.producer_options: ProducerOptions | None = None
        self._producer: SyncProducer | None = None
        self._lock = threading.Lock()
        self._is_stopping: Callable[[], bool] = lambda: False

    def connect(self, is_stopping: Callable[[], bool]) -> None:
        """Makes it the source of contexts in this process.

        Args:
            is_stopping: returns whether the worker is stopping.
        """
        self._is_stopping = is_stopping
        CONTEXT_MAKER.set(self.context_of)
        RESOURCES.set(self.resources)

    def context_of(self, job: JobFields) -> SyncContext:
        """Creates the context of a job that starts, and makes it the current one."""
        end_s = None if job.timeout_s is None else time.time() + job.timeout_s
        context = SyncContext(
            job_id=job.job_id,
            job_name=job.name,
            job_try=job.job_try,
            crashes=job.crashes,
            queue=job.queue,
            lane=Lane.CPU,
            enqueued_at=moment(job.enqueue_ms),
            deadline=None if end_s is None else datetime.fromtimestamp(end_s, tz=UTC),
            headers=job.headers or {},
            resources=self._seen,
            worker_id=WORKER_ID.get(),
            _state=self,
            _sink=OUTBOX.open(),
        )
        CURRENT_CONTEXT.set(context)
        return context

    def close(self) -> None:
        """Closes the resources; does nothing in a fork made by a job."""
        self.stack.close()

    @property
    def should_stop(self) -> bool:
        """See `monarq.shared.calls.context.RunState`."""
        return self._is_stopping()

    @property
    def producer(self) -> SyncProducer:
        """One producer for all jobs of this process, with its own connections; created when a job first asks for it.

        Raises:
            RuntimeError: the worker's Redis cannot be named to another process.
        """
        with self._lock:
            if self._producer is None:
                self._producer = _open_producer(self.producer_options)
            return self._producer


def _open_producer(options: ProducerOptions | None) -> SyncProducer:
    if options is None:
        raise RuntimeError(
            "a cpu job has a producer only if its worker's Redis is given by URL and its payloads are msgpack or"
            " pickle: create a SyncProducer in the job"
        )
    from monarq.producer.beside_worker import ChildProducer  # deferred: it imports redis, which most never need
    from monarq.shared.queue import Queue

    queue = Queue(options.queue, format="arq" if options.format == "arq" else "native")
    return ChildProducer(
        options.url,
        queue=queue,
        codec="pickle" if options.codec == "pickle" else "msgpack",
        allow_pickle=options.allow_pickle,
        max_payload=options.max_payload,
    )


CONTEXTS: Final = ChildContexts()
"""The contexts of this process."""
