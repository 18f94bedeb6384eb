"""What a job may know of its own run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Context:
    """A run of a job, handed to it when its first parameter is annotated with this class.

    Attributes:
        job_id: the job's id.
        job_name: the name that it is enqueued by.
        job_try: which try this is, from 1.
        queue: the queue's name.
        enqueued_at: when it was enqueued, aware, in UTC.
        state: what the worker's start-up hook put into its context: a database pool, say. One dict for all jobs of a
            worker process; empty in a cpu job, which runs in another process.
    """

    job_id: str
    job_name: str
    job_try: int
    queue: str
    enqueued_at: datetime
    state: dict[Any, Any] = field(default_factory=dict)
