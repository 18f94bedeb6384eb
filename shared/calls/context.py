"""What a job may know of its own run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from monarq.shared.payloads.progress import NO_SINK, Number, ProgressSink, Told, plain_report


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    """A run of a job, handed to the parameter that is annotated with this class.

    A worker gives each field its value; the defaults are for tests, which make one of their own.

    Attributes:
        job_id: the job's id.
        job_name: the name that it is enqueued by.
        job_try: which try this is, from 1.
        queue: the queue's name.
        enqueued_at: when it was enqueued, aware, in UTC.
        state: what the worker's start-up hook put into its context: a database pool, say. One dict for all jobs of a
            worker process; empty in a cpu job, which runs in another process.
        sink: where `progress` tells; by default nowhere.
    """

    job_id: str = ""
    job_name: str = ""
    job_try: int = 1
    queue: str = ""
    enqueued_at: datetime = field(default_factory=_now)
    state: dict[Any, Any] = field(default_factory=dict)
    sink: ProgressSink = field(default=NO_SINK, repr=False, compare=False)

    def progress(self, done: Number, total: Number | None = None, message: str = "") -> Told:
        """Tells those who watch how far the job is. It costs next to nothing, as often as it is called.

        At most ten reports a second get out; the newest always does, at the job's end at the latest. It never blocks
        and fails for no trouble of Redis. In an `async def` job it may be awaited, which gives other jobs a turn now
        and then; in a plain `def` job it is called as it is.

        Args:
            done: how much of the job is done, in any unit.
            total: how much there is to do, in the same unit. Default: not known.
            message: what to say of it, of at most 500 characters.

        Raises:
            TypeError: a number is none, or the message is no text.
        """
        return self.sink.tell(plain_report(done, total, message))
