"""Django's `TaskResult` of what Redis holds of a job, and what a worker writes as the job's result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from monarq.django.framework import TaskError, TaskResultStatus
from monarq.monitor.jobs.timeline import read_history
from monarq.producer import JobState
from monarq.producer.results.job_record import JobRecord

_STATUS: Final = {
    JobState.RUNNING: TaskResultStatus.RUNNING,
    JobState.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    JobState.FAILED: TaskResultStatus.FAILED,
    JobState.CANCELLED: TaskResultStatus.FAILED,
}
"""All other states are READY: queued, deferred, and those in which a job waits for something."""

_CANCELLED: Final = "monarq.JobCancelledError"


def cancelled_before_start() -> None:
    """In place of the function of a task that was cancelled while it waited: Redis may not know any more which it was.

    `refresh` of its result works; `get_result` of its task does not know it.
    """


class Returned(msgspec.Struct):
    """What the job of a task returns: its value and its call, which Redis does not keep otherwise.

    Attributes:
        value: what the task returned.
        args: its positional arguments.
        kwargs: its keyword arguments.
        worker: the worker that ran it.
    """

    value: Any
    args: list[Any]
    kwargs: dict[str, Any]
    worker: str


def fill_result(result: Any, record: JobRecord) -> Any:
    """Fills a `TaskResult`, which is frozen, with what is known of its job.

    Redis keeps the last run of a job, and the errors and workers of those before: the times are those of the last run.
    """
    info = record.info
    status = _STATUS.get(info.state, TaskResultStatus.READY)
    changes: dict[str, Any] = {
        "status": status,
        "started_at": info.started_at,
        "last_attempted_at": info.started_at,
        "finished_at": info.ended_at,
    }
    worker, attempts = record.worker, info.tries + (status == TaskResultStatus.RUNNING)
    if record.payload is not None:
        changes |= {"args": list(record.payload.args), "kwargs": record.payload.kwargs}
    if status == TaskResultStatus.SUCCESSFUL and record.result is not None:
        returned = msgspec.convert(record.result.value, Returned)
        changes |= {"_return_value": returned.value, "args": returned.args, "kwargs": returned.kwargs}
        worker = returned.worker
    changes["worker_ids"] = _worker_ids(record, worker, attempts)
    changes["errors"] = [*_earlier_errors(record), *_last_error(record)]
    for name, value in changes.items():
        object.__setattr__(result, name, value)
    return result


def _worker_ids(record: JobRecord, last: str, attempts: int) -> list[str]:
    """The worker of each attempt, as Django counts these; one that is known stands for those that are not."""
    known = [event.worker or last for event in read_history(record.history) if event.what == "retried"]
    known = [*known, *([last] if attempts > len(known) else [])][:attempts]
    return [*known[:1] * (attempts - len(known)), *known]


def _earlier_errors(record: JobRecord) -> Iterator[Any]:
    """The errors after which it was tried again: of them, Redis keeps class and message."""
    for event in read_history(record.history):
        if event.what == "retried":
            yield TaskError(exception_class_path=_path(event.note.partition(":")[0]), traceback=f"{event.note}\n")


def _last_error(record: JobRecord) -> Iterator[Any]:
    info = record.info
    if info.state is JobState.CANCELLED:
        yield TaskError(exception_class_path=_CANCELLED, traceback=f"{_CANCELLED}: the task was cancelled\n")
    elif info.state is JobState.FAILED:
        text = (record.traceback or info.error).rstrip()
        yield TaskError(exception_class_path=_path(record.error_type), traceback=f"{text}\n")


def _path(name: str) -> str:
    """The dotted path of an exception's class, whose name monarq gives without a module where it is a builtin."""
    return name if "." in name else f"builtins.{name}"
