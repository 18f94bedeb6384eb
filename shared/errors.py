"""The exceptions that monarq raises, in one tree by cause. Their messages say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class MonarqError(Exception):
    """Base of all of monarq's own errors. Each survives pickle and copy, with its attributes."""

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickle and copy make it again from, without its ``__init__``, which may take other arguments."""
        return _made_again, (type(self), self.args), vars(self) or None


def _made_again(kind: type[MonarqError], args: tuple[Any, ...]) -> MonarqError:
    error = kind.__new__(kind)
    error.args = args
    return error


class DeclarationError(MonarqError, TypeError):
    """A job was declared in a way that cannot work; the message names the place."""


class TargetError(MonarqError):
    """A worker's or a command's TARGET could not be imported, or holds nothing to run."""


class SettingsError(MonarqError, ValueError):
    """A setting has an invalid value; the message names both."""


class ResourceError(MonarqError):
    """A resource that a job asks for is not there, or was made in a way that cannot work."""


class UnsupportedError(MonarqError):
    """What was asked for cannot be had here: the queue's format, the server or the version does not have it."""


class MoveRefusedError(MonarqError):
    """A queue's jobs cannot be moved now, or what was asked for cannot be done before a move has ended."""


class PayloadError(MonarqError, ValueError):
    """Arguments, a payload or a result could not be written or read."""


class ArgumentsError(PayloadError, TypeError):
    """A job does not take these arguments; the message names the job and the parameter."""


class ResultTypeError(PayloadError):
    """A job's result is not what its annotation says, or would silently come back as something else."""


class PayloadTooLargeError(PayloadError):
    """A payload is over the size limit.

    Attributes:
        size: the payload's bytes.
        limit: the producer's limit in bytes.
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        super().__init__(
            f"the payload of {name} is {size:,} bytes and the limit is {limit:,}: put large data where the job"
            " can fetch it and pass its address, or raise max_payload"
        )
        self.size = size
        self.limit = limit


class ResultTooLargeError(PayloadError):
    """A job's result is over the worker's limit: the job has failed.

    Attributes:
        size: the result's bytes.
        limit: the worker's limit in bytes.
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        super().__init__(
            f"the result of {name} is {size:,} bytes and the limit is {limit:,}: put large data where whoever waits can"
            " fetch it and return its address, or raise max_result"
        )
        self.size = size
        self.limit = limit


class RedisUnavailableError(MonarqError, ConnectionError):
    """Redis could not be reached, or denied access."""


class EnqueueUnknownError(MonarqError):
    """It is unknown whether the job was put into the queue.

    Enqueue it again with the same ``job_id``: while the job waits, runs, or its result is kept, that makes no second.
    """

    def __init__(self, job_ids: list[str], cause: str) -> None:
        shown = ", ".join(job_ids[:3]) + ("" if len(job_ids) <= 3 else f" and {len(job_ids) - 3} more")
        super().__init__(
            f"the outcome of enqueueing {shown} is unknown ({cause}); enqueue again with the same job_id:"
            " while the job waits, runs, or its result is kept, that makes no second one"
        )
        self.job_ids = job_ids


class ResultNotFoundError(MonarqError, LookupError):
    """There is no result and no job that could make one.

    Attributes:
        job_id: the job's id.
    """

    def __init__(self, job_id: str, queue: str, moved_to: str = "") -> None:
        """Makes one.

        Args:
            job_id: the job's id.
            queue: the queue that was looked in, in words.
            moved_to: the queue that jobs of this one were moved to, in words; '' where none were.
        """
        moved = f"; or it was moved to {moved_to}, as others of its queue were: ask there" if moved_to else ""
        super().__init__(
            f"job {job_id} has no result and is not in {queue}: it is unknown there, or was purged, or its result was"
            f" not kept (keep_result), or was kept and has expired{moved}. Where it was enqueued to another queue, look"
            " there: handle(job_id, queue=...)"
        )
        self.job_id = job_id


class ResultTimeoutError(MonarqError, TimeoutError):
    """The job did not end within the caller's timeout; the job itself goes on."""

    def __init__(self, job_id: str, timeout_s: float) -> None:
        super().__init__(f"job {job_id} did not end within {timeout_s:g} s; it is still queued or running")
        self.job_id = job_id


class JobError(MonarqError):
    """A job ended without a result, and not by an exception of its own."""


class JobCancelledError(JobError):
    """The job was cancelled before it ended.

    Attributes:
        reason: why, where somebody said so; else ''.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class JobFailedError(JobError):
    """A job's exception, where the exception itself cannot be rebuilt on this side.

    Attributes:
        type_name: the exception's class as ``module.QualName``.
        traceback: the worker's traceback as text, or ''.
    """

    def __init__(self, message: str, type_name: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name
        self.traceback = traceback


class StandInError(JobFailedError):
    """Replaces a job's exception that must not be raised in the worker; it travels as a `JobFailedError`.

    Its text includes the class.
    """


class JobDeadError(JobError):
    """The job was not run, or not to its end, and is not run again: the message says why."""


class ProducerClosedError(MonarqError):
    """The producer was closed, before the call or while it waited."""

    def __init__(self) -> None:
        super().__init__("the producer is closed: make a new one, and close it when nothing waits for results any more")


class ProducerMisusedError(MonarqError, RuntimeError):
    """The producer was used where it cannot work: on another event loop, or in a forked child process."""


class RedisRefusedError(MonarqError):
    """Redis refused a command, for good or for longer than the caller waits: the message says what to do.

    Nothing was changed.
    """


class PartlyEnqueuedError(EnqueueUnknownError):
    """`enqueue_many` ended with some jobs in the queue and others not; the cause says why.

    Attributes:
        job_ids: ids of the jobs of which it is unknown.
        positions: their positions among the arguments, counted from 0.
        enqueued: ids of the jobs that are in the queue, in the order of the arguments.
        total: how many jobs were to be enqueued.
    """

    def __init__(
        self, cause: BaseException, enqueued: Sequence[str], unknown: Sequence[tuple[int, str]], total: int
    ) -> None:
        self.job_ids = [job_id for _, job_id in unknown]
        self.positions = [position for position, _ in unknown]
        self.enqueued = list(enqueued)
        self.total = total
        absent = total - len(self.enqueued) - len(unknown)
        MonarqError.__init__(
            self,
            f"of {total:,} jobs {len(self.enqueued):,} are in the queue (.enqueued), {len(unknown):,} are unknown"
            f" (.job_ids, .positions), and {absent:,} are not in it: {cause}",
        )
