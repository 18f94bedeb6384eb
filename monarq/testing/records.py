"""The records of jobs in a sandbox: enqueued ones and ended ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from monarq.shared.errors import JobFailedError
from monarq.shared.jobs.middleware import Outgoing
from monarq.shared.text.error_text import error_text
from monarq.shared.text.printable import printable

_LONGEST = 200


class EnqueuedJob(Outgoing, frozen=True, eq=True, kw_only=True):
    """A job that is enqueued and has not ended, with its arguments as the function will get them.

    Attributes:
        job_id: its id.
        defer_until: when it will be due, by the sandbox's clock; None if it is due already.
        expires_at: the time after which it is no longer started; None for never.
    """

    job_id: str
    defer_until: datetime | None = None
    expires_at: datetime | None = None

    def __str__(self) -> str:
        due = "" if self.defer_until is None else f", due at {self.defer_until:%Y-%m-%d %H:%M:%S} UTC"
        return f"{call_of(self.job_name, self.args, self.kwargs)} on queue {self.queue!r}{due}"


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended in a sandbox.

    Attributes:
        job_name: the name that it was enqueued by.
        args: its positional arguments, as the function got them.
        kwargs: its keyword arguments, as the function got them.
        queue: the queue's name.
        job_id: its id.
        job_try: the number of the last try; 0 if it was not started.
        state: how it ended.
        value: its return value.
        error: its exception, or the reason why it was not started; None if it succeeded or was cancelled.
    """

    job_name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    queue: str
    job_id: str
    job_try: int
    state: Literal["succeeded", "failed", "cancelled"]
    value: Any = None
    error: BaseException | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{call_of(self.job_name, self.args, self.kwargs)}, job {self.job_id}"


def raisable(job_name: str, error: BaseException) -> Exception:
    """A job's exception, or a `JobFailedError` for one that would end the test's event loop, such as SystemExit."""
    if isinstance(error, Exception):
        return error
    failed = JobFailedError(f"{job_name} raised {error_text(error)}")
    failed.__cause__ = error
    return failed


def call_of(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """A job and its arguments as written in a call, shortened if it is long."""
    given = [*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())]
    text = printable(", ".join(given))
    return f"{name}({text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…'})"
