"""The exceptions that monarq raises, grouped by cause. Their messages say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monarq.shared.set_module import set_module


class MonarqError(Exception):
    """The base class of all of monarq's errors. They can be pickled and copied, with their attributes."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets pickle and copy rebuild the error without calling ``__init__``, which may take other arguments."""
        return _made_again, (type(self), self.args), vars(self) or None


def _made_again(kind: type[MonarqError], args: tuple[Any, ...]) -> MonarqError:
    error = kind.__new__(kind)
    error.args = args
    return error


class DeclarationError(MonarqError, TypeError):
    """A job's declaration cannot work; the message names the file and line."""


class TargetError(MonarqError):
    """The TARGET of a worker or command cannot be imported, or contains nothing to run."""


class SettingsError(MonarqError, ValueError):
    """A setting has an invalid value; the message names the setting and the value."""


class ResourceError(MonarqError):
    """A resource that a job needs does not exist, or cannot be opened in this kind of job."""


class UnsupportedError(MonarqError):
    """The queue's format, the Redis server or the installed version does not support the operation."""


class MoveRefusedError(MonarqError):
    """A queue's jobs cannot be moved now, or a move in progress prevents the operation."""


class PayloadError(MonarqError, ValueError):
    """Arguments, a payload or a result cannot be encoded or decoded."""


class ArgumentsError(PayloadError, TypeError):
    """A job does not take these arguments; the message names the job and the parameter."""


class ResultTypeError(PayloadError):
    """A job's result does not match its annotation, or would silently come back as another type."""


class PayloadTooLargeError(PayloadError):
    """A payload exceeds the size limit.

    Attributes:
        size: the payload's size in bytes.
        limit: the producer's limit in bytes.
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        super().__init__(
            f"the payload of {name} is {size:,} bytes and the limit is {limit:,}: store large data where the job"
            " can fetch it and pass its location, or raise max_payload"
        )
        self.size = size
        self.limit = limit


class ResultTooLargeError(PayloadError):
    """A job's result exceeds the worker's limit, so the job failed.

    Attributes:
        size: the result's size in bytes.
        limit: the worker's limit in bytes.
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        super().__init__(
            f"the result of {name} is {size:,} bytes and the limit is {limit:,}: store large data where the caller can"
            " fetch it and return its location, or raise max_result"
        )
        self.size = size
        self.limit = limit


class RedisUnavailableError(MonarqError, ConnectionError):
    """Redis could not be reached, or denied access."""


class EnqueueUnknownError(MonarqError):
    """It is unknown whether the job was enqueued.

    Enqueue it again with the same ``job_id``: while the job waits, runs, or its result is kept, this does not create a
    second job.
    """

    def __init__(self, job_ids: list[str], cause: str) -> None:
        shown = ", ".join(job_ids[:3]) + ("" if len(job_ids) <= 3 else f" and {len(job_ids) - 3} more")
        super().__init__(
            f"the outcome of enqueueing {shown} is unknown ({cause}); enqueue again with the same job_id:"
            " while the job waits, runs, or its result is kept, this does not create a second one"
        )
        self.job_ids = job_ids


class ResultNotFoundError(MonarqError, LookupError):
    """There is no result, and no job that could produce one.

    Attributes:
        job_id: the job's id.
    """

    def __init__(self, job_id: str, queue: str, moved_to: str = "") -> None:
        """Makes the error.

        Args:
            job_id: the job's id.
            queue: the description of the queue that was searched.
            moved_to: the description of the queue that jobs of this one were moved to; '' if none were.
        """
        moved = f"; or it was moved to {moved_to}, as other jobs of the queue were: look there" if moved_to else ""
        super().__init__(
            f"job {job_id} has no result and is not in {queue}: it is unknown there, or was purged, or its result was"
            f" not kept (keep_result), or has expired{moved}. If it was enqueued to another queue, look there:"
            " handle(job_id, queue=...)"
        )
        self.job_id = job_id


class ResultTimeoutError(MonarqError, TimeoutError):
    """The job did not end within the caller's timeout. The job itself continues.

    The message says what is known about it, such as that it is queued and no worker serves its queue.

    Attributes:
        job_id: the job's id.
    """

    def __init__(self, job_id: str, timeout_s: float, queue: str = "", name: str = "", known: str = "") -> None:
        """Makes the error.

        Args:
            job_id: the job's id.
            timeout_s: the seconds that the caller waited.
            queue: the description of the job's queue; '' if unknown.
            name: the job's name; '' if unknown.
            known: what is known about the job, as a clause; '' for nothing.
        """
        named = f"job {name!r} ({job_id})" if name else f"job {job_id}"
        placed = f" in queue {queue}" if queue else ""
        told = f": {known}" if known else ""
        super().__init__(f"{named}{placed} did not end within {timeout_s:g} s{told}; see `monarq jobs show {job_id}`")
        self.job_id = job_id


class JobError(MonarqError):
    """A job ended without a result and without raising an exception of its own."""


class JobCancelledError(JobError):
    """The job was cancelled before it ended.

    Attributes:
        reason: the reason that was given; '' if none was.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class JobFailedError(JobError):
    """Stands for a job's exception that cannot be rebuilt in this process.

    Attributes:
        type_name: the exception's class as ``module.QualName``.
        traceback: the worker's traceback as text, or ''.
    """

    def __init__(self, message: str, type_name: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name
        self.traceback = traceback


class StandInError(JobFailedError):
    """Replaces a job's exception that must not be raised in the worker. Callers receive it as a `JobFailedError`.

    Its message includes the class.
    """


class JobDeadError(JobError):
    """The job was not run, or not to completion, and will not be run again; the message says why."""


class ProducerClosedError(MonarqError):
    """The producer was closed, before the call or while it waited."""

    def __init__(self) -> None:
        super().__init__("the producer is closed: make a new one, and close it only when nothing waits for results")


class ProducerMisusedError(MonarqError, RuntimeError):
    """The producer was used where it cannot work, such as on another event loop or in a forked child process."""


class RedisRefusedError(MonarqError):
    """Redis refused a command, permanently or for longer than the caller waits; the message says what to do.

    Nothing was changed.
    """


class PartlyEnqueuedError(EnqueueUnknownError):
    """`enqueue_many` enqueued some jobs and not others; the message says why.

    Attributes:
        job_ids: ids of the jobs whose outcome is unknown.
        positions: the positions of those jobs in the list of arguments, from 0.
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
            f"of {total:,} jobs, {len(self.enqueued):,} were enqueued (.enqueued), {absent:,} were not, and the outcome"
            f" of {len(unknown):,} is unknown (.job_ids, .positions): {cause}",
        )


def _show_as_public() -> None:
    for kind in list(globals().values()):
        if isinstance(kind, type) and issubclass(kind, MonarqError) and kind is not StandInError:
            set_module("monarq")(kind)


_show_as_public()
