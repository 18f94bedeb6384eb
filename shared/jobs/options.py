"""Job and enqueue options: values without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monarq.shared.lane import Lane
from monarq.shared.options.run_options import NO_OPTIONS, RunOptions
from monarq.shared.protocol.enqueue import Placement
from monarq.shared.protocol.queue_ref import QueueRef


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options of a declared job; for None the worker's setting applies.

    Attributes:
        name: the name that it is enqueued by.
        lane: where it runs.
        run: the options of its runs.
        retry_on: the exceptions that are retried, if it has retries.
        give_up_on: exceptions that are not retried, although `retry_on` includes them.
        memory_bytes: cpu lane: resident bytes at which its process is killed. Default: no limit.
        queue_ref: the queue that it is put into. Default: the producer's.
        shards: how many shards that queue is declared with; None if it is not.
        queue_options: the run options that its queue declares.
        renamed_from: its former names.
        placement: where and when it runs if its enqueue has no options.
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
    placement: Placement = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Settles what follows from the rest."""
        object.__setattr__(self, "placement", Placement(self.lane, name=self.name))

    @property
    def queue(self) -> str | None:
        """The name of the queue that it is put into."""
        return None if self.queue_ref is None else self.queue_ref.name


@dataclass(frozen=True, slots=True)
class EnqueueOptions:
    """The options of one enqueue.

    Attributes:
        defer_by_s: seconds from now, by Redis' clock, at which it is due.
        defer_until: the time at which it is due.
        job_id: the caller's own id; while a job or a result with this id exists, it is not enqueued again.
        queue_ref: the queue.
        expires_s: seconds after which it is no longer started.
        run: the options of its runs, sent in the payload.
        headers: the headers sent with it, for middleware and contexts; None for none.
    """

    defer_by_s: float | None = None
    defer_until: datetime | None = None
    job_id: str | None = None
    queue_ref: QueueRef | None = None
    expires_s: float | None = None
    run: RunOptions = NO_OPTIONS
    headers: Mapping[str, str] | None = None


NO_ENQUEUE_OPTIONS: Final = EnqueueOptions()
"""The options of an enqueue without any."""
