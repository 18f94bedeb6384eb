"""Sentry: a transaction for each run, continued from its enqueue, and the errors of jobs with their tags.

    sentry_sdk.init(dsn, integrations=[MonarqIntegration()])        in a module that producers and workers import

It is for monarq's own jobs; for arq's jobs in `monarq.arq`, Sentry has an integration that enables itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from monarq.shared.extras import missing_package

if missing := missing_package("sentry_sdk", "monarq.sentry"):
    raise missing

import sentry_sdk
from sentry_sdk.integrations import Integration
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.scope import should_send_default_pii
from sentry_sdk.utils import event_from_exception

from monarq.shared.jobs import middleware
from monarq.shared.text.traceback_text import RemoteTraceback
from monarq.workers.events import listener

if TYPE_CHECKING:
    from monarq.producer import Handle
    from monarq.shared.calls.run import Run
    from monarq.shared.jobs.middleware import Outgoing, SendNext

__all__ = ["MonarqIntegration"]

_OP: Final = "queue.task.monarq"
_ORIGIN: Final = "auto.queue.monarq"
_FRAME: Final = re.compile(
    r'^  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$(?:\n    (?P<code>.+))?', re.MULTILINE
)
"""A frame in the text of a traceback."""


class MonarqIntegration(Integration):
    """Reports runs and errors of jobs.

    Each run is a transaction, named after its job, with the tags ``monarq.job_id``, ``monarq.queue``, ``monarq.try``
    and ``monarq.lane``. An error is reported when the job has failed for good, was rejected, or its process has died;
    not when it is retried. Arguments are reported only if ``send_default_pii`` is set.

    Args:
        continue_traces: whether an enqueue passes the current trace on to the run. Jobs of `enqueue_many` then go
            through middleware one by one. Default: yes.
    """

    identifier = "monarq"
    origin = _ORIGIN

    def __init__(self, *, continue_traces: bool = True) -> None:
        self.continue_traces = continue_traces

    @staticmethod
    def setup_once() -> None:
        """Enables it in this process: for producers created from now on, and for its worker."""
        listener.INSTALLED.append(_Reports())
        middleware.INSTALLED.append(_Traces())
        ignore_logger("monarq.worker")  # the failures that it logs are reported with their frames and tags


def _active() -> MonarqIntegration | None:
    return sentry_sdk.get_client().get_integration(MonarqIntegration)


class _Traces(middleware.Middleware):
    """Sends the current trace with each job."""

    async def enqueue(self, outgoing: Outgoing, call_next: SendNext) -> Handle[Any]:
        """See `Middleware`."""
        active = _active()
        if active is not None and active.continue_traces:
            trace = {"sentry-trace": sentry_sdk.get_traceparent(), "baggage": sentry_sdk.get_baggage()}
            sent = {name: value for name, value in trace.items() if value}
            outgoing = outgoing.replace(headers={**outgoing.headers, **sent})
        return await call_next(outgoing)


class _Reports(listener.Listener):
    """Creates a scope and a transaction for each run, in the run's task, and reports its error."""

    def __init__(self) -> None:
        self._running: ContextVar[tuple[ExitStack, Any] | None] = ContextVar("monarq_sentry", default=None)

    def job_started(self, run: Run) -> None:
        """See `Listener`."""
        if _active() is None:
            return
        stack = ExitStack()
        scope = stack.enter_context(sentry_sdk.isolation_scope())
        scope.clear_breadcrumbs()
        _describe(scope, run)
        transaction = sentry_sdk.continue_trace(
            dict(run.headers), op=_OP, name=run.job_name, source="task", origin=_ORIGIN
        )
        stack.enter_context(sentry_sdk.start_transaction(transaction))
        self._running.set((stack, transaction))

    def job_succeeded(self, run: Run, value: object) -> None:
        """See `Listener`."""
        self._end("ok")

    def job_failed(self, run: Run, error: BaseException) -> None:
        """See `Listener`."""
        self._fail(run, error)

    def job_crashed(self, run: Run, error: BaseException) -> None:
        """See `Listener`."""
        self._fail(run, error)

    def job_rejected(self, run: Run, error: BaseException) -> None:
        """See `Listener`."""
        self._fail(run, error)

    def job_retried(self, run: Run, error: BaseException, delay_s: float) -> None:
        """See `Listener`."""
        self._end("aborted")

    def job_cancelled(self, run: Run) -> None:
        """See `Listener`."""
        self._end("cancelled")

    def job_handed_back(self, run: Run) -> None:
        """See `Listener`."""
        self._end("aborted")

    def job_lost(self, run: Run) -> None:
        """See `Listener`."""
        self._end("aborted")

    def _fail(self, run: Run, error: BaseException) -> None:
        if _active() is None:
            return
        if self._running.get() is None:  # it was not started
            with sentry_sdk.isolation_scope() as scope:
                _describe(scope, run)
                _capture(error)
        else:
            _capture(error)
        self._end("internal_error")

    def _end(self, status: str) -> None:
        running = self._running.get()
        if running is None:
            return
        self._running.set(None)
        stack, transaction = running
        transaction.set_status(status)
        stack.close()


def _describe(scope: Any, run: Run) -> None:
    tags = {"job_id": run.job_id, "job": run.job_name, "queue": run.queue, "try": run.job_try, "lane": run.lane.value}
    for name, value in tags.items():
        scope.set_tag(f"monarq.{name}", value)
    job: dict[str, Any] = {"worker": run.worker_id, "crashes": run.crashes, "enqueued_at": run.enqueued_at.isoformat()}
    if should_send_default_pii():
        job |= {"args": run.args, "kwargs": dict(run.kwargs)}
    scope.set_context("monarq job", job)


def _capture(error: BaseException) -> None:
    mechanism = {"type": "monarq", "handled": False}
    options = sentry_sdk.get_client().options
    cause = error.__cause__
    if not isinstance(cause, RemoteTraceback):
        event, hint = event_from_exception(error, client_options=options, mechanism=mechanism)
    else:
        # The frames stayed in the process in which it was raised: only their text was sent.
        bare = (type(error), error, None)
        event, hint = event_from_exception(bare, client_options=options, mechanism=mechanism)
        last = event.get("exception", {})["values"][-1]
        last["stacktrace"] = {"frames": list(_frames(cause.text))}
        event["exception"] = {"values": [last]}
    sentry_sdk.capture_event(event, hint=hint)


def _frames(text: str) -> Iterator[dict[str, Any]]:
    for frame in _FRAME.finditer(text):
        yield {
            "filename": frame["file"],
            "abs_path": frame["file"],
            "lineno": int(frame["line"]),
            "function": frame["function"],
            "context_line": frame["code"],
            "in_app": "site-packages" not in frame["file"],
        }
