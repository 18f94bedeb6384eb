"""Job and enqueue options: values without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monarq.shared.lane import Lane
from monarq.shared.options.run_options import NO_OPTIONS, RunOptions
from monarq.shared.protocol.queue_ref import QueueRef


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options of a declared job; None leaves a value to the worker's settings.

    Attributes:
        name: the name that it is enqueued by.
        lane: where it runs.
        run: what it says of its runs.
        retry_on: the exceptions that it is tried again after, where it is.
        give_up_on: those of them that it is not tried again after.
        memory_bytes: cpu lane: resident bytes at which its process is killed. Default: no limit.
        queue_ref: the queue it is put into. Default: the producer's.
        shards: how many shards that queue is declared with; None where it is not.
        queue_options: what that queue says of the runs of its jobs.
        renamed_from: its names of before.
    """

    name: str
    lane: Lane
    run: RunOptions = NO_OPTIONS
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    give_up_on: tuple[type[BaseException], ...] = ()
    memory_bytes: int | None = None
    queue_ref: QueueRef | None = None
    shards: int | None = None
    queue_options: RunOptions = NO_OPTIONS
    renamed_from: tuple[str, ...] = ()

    @property
    def queue(self) -> str | None:
        """The name of the queue it is put into."""
        return None if self.queue_ref is None else self.queue_ref.name


@dataclass(frozen=True, slots=True)
class EnqueueOptions:
    """The options of one enqueue.

    Attributes:
        defer_by_s: seconds from now, by Redis' clock, at which it is due.
        defer_until: the time at which it is due.
        job_id: an id of the caller's own: while a job or a result of this id is there, it is not enqueued again.
        queue_ref: the queue.
        expires_s: seconds after which it is not started any more.
        run: what it says of its runs; it travels in the job.
        headers: what travels with it, for middleware and contexts; None for nothing.
    """

    defer_by_s: float | None = None
    defer_until: datetime | None = None
    job_id: str | None = None
    queue_ref: QueueRef | None = None
    expires_s: float | None = None
    run: RunOptions = NO_OPTIONS
    headers: Mapping[str, str] | None = None
