"""Job and enqueue options: values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monarq.shared.jobs.retry_policy import RetryPolicy
from monarq.shared.lane import Lane
from monarq.shared.protocol.queue_ref import QueueRef


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options of a declared job; None leaves a value to the worker's settings.

    Attributes:
        name: the name that it is enqueued by.
        lane: where it runs.
        timeout_s: seconds that a run may take; 0 for no limit. Default: the worker's, 300 s.
        retry: when it is tried again. Default: the worker's, 5 tries and only on `Retry`.
        keep_result_s: seconds that its result is kept; 0 not at all. Default: the worker's, 3600 s.
        keep_result_forever: whether its result is kept without end.
        memory_bytes: cpu lane: resident bytes at which its process is killed. Default: no limit.
        queue_ref: the queue it is put into. Default: the producer's.
        shards: how many shards that queue is declared with; None where it is not.
    """

    name: str
    lane: Lane
    timeout_s: float | None = None
    retry: RetryPolicy | None = None
    keep_result_s: float | None = None
    keep_result_forever: bool | None = None
    memory_bytes: int | None = None
    queue_ref: QueueRef | None = None
    shards: int | None = None

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
    """

    defer_by_s: float | None = None
    defer_until: datetime | None = None
    job_id: str | None = None
    queue_ref: QueueRef | None = None
    expires_s: float | None = None
