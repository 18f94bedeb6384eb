"""Spans of runs, following the OpenTelemetry messaging conventions; imported only if a tracer provider is set.

The span of a run is a consumer span, the root of its own trace, and linked to the span of the enqueue: a job may run
long after its enqueue and more than once, and one enqueue may create a million jobs. While the job runs, its span is
the current one, so that spans of the job's own code are its children. Each try has its own span with the same link.
"""

from __future__ import annotations

from opentelemetry import context as otel_context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from monarq.shared.jobs.retry_exception import is_retry_request
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.text.error_text import error_text, message_of, type_name_of
from monarq.shared.text.traceback_text import traceback_text
from monarq.shared.tracing.otel import extract_context, span_attributes
from monarq.workers.events.events import WorkerEvents
from monarq.workers.runs.cpu_errors import CpuJobDied
from monarq.workers.runs.run import ActiveRun


class SpanListener(WorkerEvents):
    """Creates a span for each run. Its methods are called in the tasks of the runs, whose current span it sets.

    Args:
        tracer: starts the spans.
        worker_id: the worker, for `messaging.client.id`.
    """

    def __init__(self, tracer: Tracer, worker_id: str) -> None:
        self._tracer = tracer
        self._worker_id = worker_id
        self._spans: dict[ActiveRun, Span] = {}

    def job_started(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        if run.job.carrier_argument is None:
            self._spans[run] = self._start(run)
        elif run.payload.trace is not None:
            run.payload.kwargs.setdefault(run.job.carrier_argument, run.payload.trace)

    def job_succeeded(self, run: ActiveRun, value: object) -> None:
        """See `WorkerEvents`."""
        self._end(run, "succeeded")

    def job_failed(self, run: ActiveRun, error: BaseException) -> None:
        """See `WorkerEvents`."""
        self._end(run, "failed", error)

    def result_not_serialized(self, run: ActiveRun, error: Exception) -> None:
        """See `WorkerEvents`."""
        self._end(run, "failed", error)

    def job_retried(self, run: ActiveRun, error: BaseException, delay_s: float) -> None:
        """See `WorkerEvents`."""
        span = self._spans.get(run)
        if span is not None:
            span.add_event("monarq.job.retry", {"monarq.retry.delay_s": delay_s})
        # A job that asks for a retry has not failed.
        self._end(run, "retried", None if is_retry_request(error) else error)

    def job_crashed(self, run: ActiveRun, error: CpuJobDied) -> None:
        """See `WorkerEvents`."""
        self._end(run, "crashed", error)

    def job_cancelled(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._end(run, "cancelled")

    def job_handed_back(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._end(run, "handed_back")

    def job_lost(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._end(run, "lost")

    def job_rejected(
        self, lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None
    ) -> None:
        """See `WorkerEvents`."""
        queue = lease.queue.name
        span = self._tracer.start_span(
            f"process {queue}",
            otel_context.Context(),
            kind=SpanKind.CONSUMER,
            attributes={
                **span_attributes("process", queue, name),
                "messaging.message.id": lease.job_id,
                "messaging.client.id": self._worker_id,
                "monarq.job.outcome": "failed",
            },
        )
        _fail(span, error)
        span.end()

    def _start(self, run: ActiveRun) -> Span:
        """Starts the span of a run and makes it current in this task, whose context ends with it."""
        sent = extract_context(run.payload.trace)
        sender = get_current_span(sent).get_span_context()
        span = self._tracer.start_span(
            f"process {run.queue}",
            set_span_in_context(INVALID_SPAN, sent),
            kind=SpanKind.CONSUMER,
            links=[Link(sender)] if sender.is_valid else [],
            start_time=run.start_ms * 1_000_000,
            attributes={
                **span_attributes("process", run.queue, run.name),
                "messaging.message.id": run.job_id,
                "messaging.client.id": self._worker_id,
                "monarq.job.try": run.job_try,
                "monarq.job.lane": run.job.lane.value,
            },
        )
        otel_context.attach(set_span_in_context(span, sent))
        return span

    def _end(self, run: ActiveRun, outcome: str, error: BaseException | None = None) -> None:
        span = self._spans.pop(run, None)
        if span is None:
            # The user's hook raised before the start. A run that was stopped before its start has no span.
            if error is None or run.job.carrier_argument is not None:
                return
            span = self._start(run)
        span.set_attribute("monarq.job.outcome", outcome)
        if error is not None:
            _fail(span, error)
        span.end()


def _fail(span: Span, error: BaseException) -> None:
    attributes = {
        "exception.type": type_name_of(error),
        "exception.message": message_of(error),
        "exception.stacktrace": traceback_text(error),
    }
    # Do not use record_exception(), which formats the whole error, however large.
    span.add_event("exception", attributes)
    span.set_attribute("error.type", type_name_of(error))
    span.set_status(Status(StatusCode.ERROR, error_text(error)))
