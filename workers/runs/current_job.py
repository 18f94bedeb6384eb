"""The current job, as a context variable: set by the runner and by the cpu child, and read where log lines are written.

A job's coroutine, what it awaits and the tasks that it starts see their job, as do thread jobs and cpu jobs; a thread
that a job starts by itself does not. This module imports almost nothing, because it delays the cpu child's start.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, NamedTuple, Protocol


class Job(Protocol):
    """A running job, such as `monarq.workers.runs.run.ActiveRun`."""

    @property
    def job_id(self) -> str:
        """Its id."""
        ...

    @property
    def name(self) -> str:
        """The name under which it is enqueued."""
        ...

    @property
    def queue(self) -> str:
        """The queue's name."""
        ...

    @property
    def job_try(self) -> int:
        """Which try this is, from 1."""
        ...


class JobFields(NamedTuple):
    """A running job, as sent to the cpu child."""

    job_id: str
    name: str
    queue: str
    job_try: int
    crashes: int = 0
    enqueue_ms: int = 0
    timeout_s: float | None = None
    headers: dict[str, str] | None = None


CURRENT_JOB: Final[ContextVar[Job | None]] = ContextVar("monarq_job", default=None)
"""The job; None outside of jobs."""

WORKER_ID: Final[ContextVar[str]] = ContextVar("monarq_worker_id", default="")
"""The worker's name in Redis; empty outside of a worker."""
