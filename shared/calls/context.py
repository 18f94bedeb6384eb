"""The context of a run: what a job may know of it, and what it may do besides returning a value.

`Context` is for jobs on the event loop, `SyncContext` for those in threads and in the cpu lane's process. It imports
little, because the start of a CPU child waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from monarq.shared.clock import wall_now
from monarq.shared.lane import Lane
from monarq.shared.payloads.progress import NULL_SINK, Number, ProgressAwaitable, ProgressSink, make_report

if TYPE_CHECKING:
    from monarq.producer import Producer, SyncProducer


class RunState(Protocol):
    """What a context asks its worker for, when the job asks for it."""

    @property
    def should_stop(self) -> bool:
        """Whether the worker drains, or the run is cancelled."""
        ...

    @property
    def producer(self) -> Any:
        """The producer of the run's lane."""
        ...


class _NoWorker:
    """The state of a context that no worker has made."""

    should_stop = False

    @property
    def producer(self) -> Any:
        """There is none.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("this context was made without a worker, and has no producer")


NO_WORKER: Final = _NoWorker()


@dataclass(slots=True, kw_only=True, eq=False)
class _RunContext:
    """What both kinds of contexts have."""

    job_id: str = ""
    job_name: str = ""
    job_try: int = 1
    crashes: int = 0
    queue: str = ""
    lane: Lane = Lane.IO
    enqueued_at: datetime = field(default_factory=wall_now)
    deadline: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    worker_id: str = ""
    _state: RunState = field(default=NO_WORKER, repr=False)
    _sink: ProgressSink = field(default=NULL_SINK, repr=False)

    @property
    def should_stop(self) -> bool:
        """Whether the worker stops, or the run is cancelled: a job that can end early should."""
        return self._state.should_stop

    def progress(self, done: Number, total: Number | None = None, message: str = "") -> ProgressAwaitable:
        """Reports the job's progress to those who watch it. A call costs next to nothing, however often it is made.

        At most ten reports a second are sent; the newest always is, at the job's end at the latest. It never blocks,
        and no trouble with Redis makes it fail. In an `async def` job it may be awaited, which gives other jobs a turn
        now and then; in a plain `def` job it is called as it is.

        Args:
            done: how much the job has done, in any unit.
            total: how much there is to do, in the same unit. Default: not known.
            message: a text to show with it, of at most 500 characters.

        Raises:
            TypeError: an amount is not a number, or the message is not text.
        """
        return self._sink.send(make_report(done, total, message))


class Context(_RunContext):
    """A run of an `async def` job, passed to the parameter that is annotated with this class.

    A worker sets every field. Tests make one by `monarq.testing.context`.

    Attributes:
        job_id: the job's id.
        job_name: the name that it is enqueued by.
        job_try: which try this is, from 1.
        crashes: how often the job was running when its worker or process died.
        queue: the queue's name.
        lane: where it runs.
        enqueued_at: when it was enqueued, aware, in UTC.
        deadline: when the run passes its timeout, aware, in UTC, by this machine's clock; None for no timeout.
        headers: what middleware or `.options(headers=)` has sent with the job.
        resources: what the worker has opened at its start, by name: what the app's lifespan yielded.
        worker_id: the worker's name in Redis.
    """

    __slots__ = ()

    @property
    def producer(self) -> Producer:
        """A producer for the Redis of the worker, which keeps one for all its jobs and closes it at its end.

        Raises:
            RuntimeError: the context was made without a worker.
        """
        made: Producer = self._state.producer
        return made


class SyncContext(_RunContext):
    """A run of a plain `def` job, in a thread or in the cpu lane: as `Context`, but nothing is awaited.

    Tests make one by `monarq.testing.sync_context`.
    """

    __slots__ = ()

    @property
    def producer(self) -> SyncProducer:
        """As `Context.producer`, but blocking. In the cpu lane it has connections of the child process' own.

        Raises:
            RuntimeError: the context was made without a worker.
        """
        made: SyncProducer = self._state.producer
        return made
