"""A run of a job: its state from the claim to its end."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Any

import msgspec

from monarq.shared.payloads.codec import Codec
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.workers.runs.raised_error import RaisedError
from monarq.workers.runs.registered_job import RegisteredJob
from monarq.workers.runs.run_progress import RunProgress


class CancelReason(Enum):
    """Why a run was cancelled."""

    TIMEOUT = auto()
    ASKED = auto()
    HAND_BACK = auto()
    LOST = auto()


class ActiveRun(msgspec.Struct, eq=False):
    """A job that this worker holds and runs.

    Attributes:
        lease: the claim.
        job: how it is run.
        payload: its decoded payload, with the arguments as they came.
        args: its positional arguments, of the types that the job takes.
        kwargs: its keyword arguments, likewise.
        job_try: which try this is, from 1.
        crash_tries: how many of the tries before it were crashes, which the count in Redis leaves out.
        start_ms: unix ms at which its function was called, by this machine's clock.
        finish_ms: unix ms at which it ended; 0 before.
        cancel_reason: why it was cancelled, where it was.
        outlived: whether a value that was returned after a cancellation is the job's own. It is not where middleware
            has swallowed the cancellation.
        task: the task that runs it.
        ctx: the ctx dict of its hooks and of a job in arq's style; None until one is needed.
        progress: its progress; None where it reports none.
        raised: what it raised in another process, as it was there.
        arrived: the exception as which that arrived here.
    """

    lease: Lease
    job: RegisteredJob
    payload: Payload
    job_try: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    crash_tries: int = 0
    start_ms: int = 0
    finish_ms: int = 0
    cancel_reason: CancelReason | None = None
    outlived: bool = True
    task: asyncio.Task[None] | None = None
    ctx: dict[Any, Any] | None = None
    progress: RunProgress | None = None
    raised: RaisedError | None = None
    arrived: BaseException | None = None

    def __repr__(self) -> str:
        return f"<ActiveRun of {self.name}, job {self.job_id}, try {self.job_try}>"

    @property
    def tries(self) -> int:
        """How many tries the job will have used after this one, as Redis counts them."""
        return self.job_try - self.crash_tries

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.lease.job_id

    @property
    def name(self) -> str:
        """The name that the job is enqueued by."""
        return self.job.name

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.lease.queue.name

    @property
    def codec(self) -> Codec:
        """The format of its payload, in which its result is written as well."""
        return self.payload.codec

    @property
    def ran_ms(self) -> int:
        """How long it ran in ms; 0 where the clock was set back meanwhile."""
        return max(0, self.finish_ms - self.start_ms)

    @property
    def seconds(self) -> float:
        """How long it ran in seconds, by a clock that may have been set back."""
        return (self.finish_ms - self.start_ms) / 1000

    def cancel(self, reason: CancelReason) -> None:
        """Cancels the run; the first reason counts.

        A task that has not begun must not be cancelled, as it would end without an acknowledgement: it checks
        `cancel_reason` itself when it begins.
        """
        if self.cancel_reason is None and self.task is not None and not self.task.done():
            self.cancel_reason = reason
            if self.start_ms:
                self.task.cancel()

    def note_timeout(self) -> None:
        """Records that its lane has ended it at its timeout."""
        if self.cancel_reason is None:
            self.cancel_reason = CancelReason.TIMEOUT

    def note_raised(self, raised: RaisedError) -> None:
        """Records what it raised in another process."""
        self.raised = raised

    def forget_raised(self) -> None:
        """Forgets what it raised in another process."""
        self.raised = None
        self.arrived = None
