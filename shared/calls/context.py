"""The context of a run: what a job can know about it, and what it can do besides returning a value.

`Context` is for jobs on the event loop, `SyncContext` for those in threads and in the cpu lane's process. This module
imports little, so that a CPU child starts quickly.
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
    """The parts of a context that come from the worker when the job uses them."""

    @property
    def should_stop(self) -> bool:
        """Whether the worker is draining, or the run is cancelled."""
        ...

    @property
    def producer(self) -> Any:
        """The producer of the run's lane."""
        ...


class _NoWorker:
    """The state of a context that was made without a worker."""

    should_stop = False

    @property
    def producer(self) -> Any:
        """Not available.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "this context was made without a worker and has no producer: in tests, make it with"
            " monarq.testing.context(producer=...)"
        )


NO_WORKER: Final = _NoWorker()


@dataclass(slots=True, kw_only=True, eq=False)
class _RunContext:
    """The fields and methods that both kinds of context share."""

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
        """Whether the worker is stopping or the run is cancelled. A job that can end early should then do so."""
        return self._state.should_stop

    def progress(self, done: Number, total: Number | None = None, message: str = "") -> ProgressAwaitable:
        """Reports the job's progress to those who watch it. A call costs next to nothing, so it may be made often.

        At most ten reports a second are sent; the last one is always sent, no later than the job's end. The call never
        blocks, and does not fail when Redis is unavailable. In an `async def` job it may be awaited, which now and then
        lets other jobs run; in a plain `def` job it is simply called.

        Args:
            done: how much the job has done, in any unit.
            total: how much there is to do, in the same unit. Default: unknown.
            message: a text to show with it, at most 500 characters.

        Raises:
            TypeError: `done` or `total` is not a number, or `message` is not text.
        """
        return self._sink.send(make_report(done, total, message))


class Context(_RunContext):
    """A run of an `async def` job, passed to the parameter that is annotated with this class.

    A worker sets every field. Tests make one with `monarq.testing.context`.

    Attributes:
        job_id: the job's id.
        job_name: the name that the job is enqueued by.
        job_try: the number of this try, from 1.
        crashes: how often the job's worker or process died while it was running.
        queue: the queue's name.
        lane: the lane that the job runs on.
        enqueued_at: when the job was enqueued, aware, in UTC.
        deadline: when the run times out, aware, in UTC, by this machine's clock; None for no timeout.
        headers: the headers that middleware or `.options(headers=)` sent with the job.
        resources: the resources that the app's lifespan yielded when the worker started, by name.
        worker_id: the worker's name in Redis.
    """

    __slots__ = ()

    @property
    def producer(self) -> Producer:
        """A producer for the worker's Redis. The worker's jobs share it, and the worker closes it when it stops.

        Raises:
            RuntimeError: the context was made without a worker.
        """
        made: Producer = self._state.producer
        return made


class SyncContext(_RunContext):
    """A run of a plain `def` job, in a thread or on the cpu lane: as `Context`, but blocking.

    Tests make one with `monarq.testing.sync_context`.
    """

    __slots__ = ()

    @property
    def producer(self) -> SyncProducer:
        """As `Context.producer`, but blocking. On the cpu lane, the child process has its own connections.

        Raises:
            RuntimeError: the context was made without a worker.
        """
        made: SyncProducer = self._state.producer
        return made
