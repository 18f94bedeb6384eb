"""Which job the code at hand runs for: set by the runner and by the cpu child, read by whatever writes log lines.

A coroutine of a job, what it awaits and the tasks that it starts see its job, and so do thread jobs and cpu jobs; a
thread that a job starts by itself does not. This imports next to nothing, because the cpu child's start waits for it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, NamedTuple, Protocol


class Job(Protocol):
    """What is known of a job that runs; `monarq.workers.runs.run.Run` is one."""

    @property
    def job_id(self) -> str:
        """Its id."""
        ...

    @property
    def name(self) -> str:
        """The name that it is enqueued by."""
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
    """The same on its way to the cpu child."""

    job_id: str
    name: str
    queue: str
    job_try: int

    @classmethod
    def of(cls, job: Job) -> JobFields:
        """Those of a job."""
        return cls(job.job_id, job.name, job.queue, job.job_try)


JOB: Final[ContextVar[Job | None]] = ContextVar("monarq_job", default=None)
"""The job; None outside of jobs."""

WORKER_ID: Final[ContextVar[str]] = ContextVar("monarq_worker_id", default="")
"""The worker's name in Redis; empty outside of a worker."""
