"""The context of a run: what a job may know of it, and how it reports its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monarq.shared.clock import wall_now
from monarq.shared.payloads.progress import NULL_SINK, Number, ProgressAwaitable, ProgressSink, make_report


@dataclass(frozen=True, slots=True)
class Context:
    """A run of a job, passed to the parameter that is annotated with this class.

    A worker sets every field; the defaults are for tests, which make a context of their own.

    Attributes:
        job_id: the job's id.
        job_name: the name that it is enqueued by.
        job_try: which try this is, from 1.
        queue: the queue's name.
        enqueued_at: when it was enqueued, aware, in UTC.
        state: what the worker's start-up hook put into its context: a database pool, say. One dict for all jobs of a
            worker process; empty in a cpu job, which runs in another process.
        sink: where `progress` sends its reports; by default nowhere.
    """

    job_id: str = ""
    job_name: str = ""
    job_try: int = 1
    queue: str = ""
    enqueued_at: datetime = field(default_factory=wall_now)
    state: dict[Any, Any] = field(default_factory=dict)
    sink: ProgressSink = field(default=NULL_SINK, repr=False, compare=False)

    def progress(self, done: Number, total: Number | None = None, message: str = "") -> ProgressAwaitable:
        """Reports the job's progress to those who watch it. A call costs next to nothing, however often it is made.

        At most ten reports a second are sent; the newest always is, at the job's end at the latest. It never blocks,
        and no trouble with Redis makes it fail. In an `async def` job it may be awaited, which gives other jobs a turn
        now and then; in a plain `def` job it is called as it is.

        Args:
            done: how much of the job is done, in any unit.
            total: how much there is to do, in the same unit. Default: not known.
            message: a text to show with it, of at most 500 characters.

        Raises:
            TypeError: an amount is not a number, or the message is not text.
        """
        return self.sink.send(make_report(done, total, message))
