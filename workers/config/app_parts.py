"""The parts of a worker that an application object provides, besides its jobs and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from monarq.shared.jobs.middleware import AnyMiddleware
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, QueueRef

_DEFAULT: Final = QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker process; passed to the lifespan of an app.

    Attributes:
        worker_id: its name in Redis.
        queues: the names of the queues that it serves.
        jobs: the names of the jobs that it knows.
        concurrency: how many jobs it runs at once on its event loop.
        threads: how many of these jobs may run in threads.
    """

    worker_id: str
    queues: tuple[str, ...]
    jobs: tuple[str, ...]
    concurrency: int
    threads: int


Resources = Mapping[str, object]
Lifespan = Callable[[WorkerInfo], AbstractAsyncContextManager[Resources | None]]
"""Opens what the jobs of a worker process share; an asyncio context manager."""
CpuLifespan = Callable[[], AbstractContextManager[Resources | None]]
"""Opens what the jobs of a cpu child share; a plain context manager."""


@dataclass(frozen=True, slots=True)
class AppParts:
    """What an application adds to a worker; the defaults are those of a worker without one.

    Attributes:
        queue: the default queue for jobs that a job enqueues.
        lifespans: open resources for the jobs on the event loop and in threads, in this order.
        cpu_lifespans: open resources for the jobs of each cpu child.
        middleware: wraps each run, outermost first, and what jobs enqueue.
        attach: called with the worker's resources once they are open, and with whether these are all resources that
            overrides can replace in this process; returns a function that detaches them.
    """

    queue: QueueRef = _DEFAULT
    lifespans: tuple[Lifespan, ...] = ()
    cpu_lifespans: tuple[CpuLifespan, ...] = ()
    middleware: tuple[AnyMiddleware, ...] = ()
    attach: Callable[[dict[Any, Any], bool], Callable[[], None]] | None = None
