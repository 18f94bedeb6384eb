"""How a worker runs a task: with its context and Django's signals, on connections to the database that are fresh."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections

from monarq.django.framework import (
    TaskContext,
    TaskError,
    TaskResult,
    TaskResultStatus,
    plain_json,
    task_finished,
    task_started,
)
from monarq.django.result_ids import read_result_id
from monarq.django.results import Returned
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.clock import wall_now
from monarq.shared.payloads.remote_error import inspectable
from monarq.shared.text.class_name import full_name
from monarq.shared.text.error_text import error_text
from monarq.shared.text.traceback_text import traceback_text
from monarq.workers.runs.current_job import CURRENT_JOB
from monarq.workers.runs.outcome import Cancelled, Failed, OutcomePolicy, decide
from monarq.workers.runs.run import ActiveRun

WillRetry = Callable[[BaseException, int], bool]
"""Whether a task that raised an exception on its try of this number is tried again, by the backend's OPTIONS.

It is for the cpu lane's process, which does not know the worker's own rules.
"""

_OUTCOMES: Final = OutcomePolicy()


def plain_run(task: Any, sender: type, will_retry: WillRetry) -> Callable[..., Any]:
    """The function of the job that runs a task of a plain function."""

    def run(ctx: SyncContext, /, *args: Any, **kwargs: Any) -> Returned:
        close_old_connections()
        try:
            one = _Run(task, ctx, args, kwargs)
            task_started.send(sender, task_result=one.result)
            try:
                value = one.end(task.func(*one.leading, *args, **kwargs))
            except BaseException as error:
                if (final := one.final_error(error, will_retry)) is not None:
                    task_finished.send(sender, task_result=one.fail(final))
                raise
            task_finished.send(sender, task_result=one.result)
            return value
        finally:
            close_old_connections()

    return run


def async_run(task: Any, sender: type, will_retry: WillRetry) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The function of the job that runs a task of an ``async def`` function."""

    async def run(ctx: Context, /, *args: Any, **kwargs: Any) -> Returned:
        # What it does with the database has a thread of its own, as Django's requests have.
        async with ThreadSensitiveContext() as context:
            try:
                one = _Run(task, ctx, args, kwargs)
                await _send(task_started, sender, one.result)
                try:
                    value = one.end(await task.func(*one.leading, *args, **kwargs))
                except BaseException as error:
                    if (final := one.final_error(error, will_retry)) is not None:
                        await _send(task_finished, sender, one.fail(final))
                    raise
                await _send(task_finished, sender, one.result)
                return value
            finally:
                if context in SyncToAsync.context_to_thread_executor:
                    await sync_to_async(_close_connections)()

    return run


class _Run:
    """One run of a task."""

    def __init__(self, task: Any, ctx: Context | SyncContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        now = wall_now()
        self._job_try = ctx.job_try
        self._worker = ctx.worker_id
        self.result = TaskResult(
            task=task,
            id=ctx.job_id,
            status=TaskResultStatus.RUNNING,
            enqueued_at=_enqueued_at(ctx),
            started_at=now,
            finished_at=None,
            last_attempted_at=now,
            args=list(args),
            kwargs=kwargs,
            backend=task.backend,
            errors=[],
            worker_ids=[ctx.worker_id] * ctx.job_try,
        )
        self.leading = (TaskContext(task_result=self.result),) if task.takes_context else ()

    def end(self, value: Any) -> Returned:
        """What the job returns, once the result is SUCCESSFUL."""
        normal = plain_json(value)
        self._set(finished_at=wall_now(), status=TaskResultStatus.SUCCESSFUL, _return_value=normal)
        return Returned(normal, self.result.args, self.result.kwargs, self._worker)

    def fail(self, error: BaseException) -> Any:
        """The result, which is FAILED."""
        text = traceback_text(error) or error_text(error)
        self.result.errors.append(TaskError(exception_class_path=full_name(type(error)), traceback=text))
        self._set(finished_at=wall_now(), status=TaskResultStatus.FAILED)
        return self.result

    def final_error(self, error: BaseException, will_retry: WillRetry) -> BaseException | None:
        """The error that ends the task; None if it runs again: it is retried, or the worker stops and hands it back."""
        run = CURRENT_JOB.get()
        if not isinstance(run, ActiveRun):
            return None if will_retry(error, self._job_try) else error
        outcome = decide(run, inspectable(error), _OUTCOMES)
        return outcome.error if isinstance(outcome, (Failed, Cancelled)) else None

    def _set(self, **changes: Any) -> None:
        for name, value in changes.items():
            object.__setattr__(self.result, name, value)


def _enqueued_at(ctx: Context | SyncContext) -> datetime:
    try:
        return read_result_id(ctx.job_id).enqueued_at
    except ValueError:  # somebody has enqueued it by its name
        return ctx.enqueued_at.astimezone(UTC)


async def _send(signal: Any, sender: type, result: Any) -> None:
    """Sends a signal. Django's own receiver only logs; with others, those that block get a thread."""
    if len(signal.receivers) > 1:
        await signal.asend(sender, task_result=result)
    else:
        signal.send(sender, task_result=result)


def _close_connections() -> None:
    connections.close_all()  # of this thread, which ends now
