"""Reports a worker's runs to other systems: OpenTelemetry spans and metrics, and installed integrations.

OpenTelemetry is used if the program has set a tracer or meter provider by then. Separate modules import it: programs
without it must not load it and need not have it installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from monarq.shared.tracing.metrics import find_metrics
from monarq.shared.tracing.tracing import find_own_tracing
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.events import WorkerEvents
from monarq.workers.events.listener import INSTALLED, Listener


@contextmanager
def tracing(events: Dispatcher, worker_id: str) -> Iterator[None]:
    """Reports the runs in this block; does nothing if no system is configured."""
    listeners = [*_of_otel(worker_id), *INSTALLED]
    for listener in listeners:
        events.add(listener)
    try:
        yield
    finally:
        for listener in listeners:
            events.remove(listener)


def _of_otel(worker_id: str) -> Iterator[WorkerEvents | Listener]:
    tracing, metrics = find_own_tracing(), find_metrics()
    if tracing is not None:
        from monarq.workers.reporting.spans import SpanListener

        yield SpanListener(tracing.tracer, worker_id)
    if metrics is not None:
        from monarq.workers.reporting.otel_metrics import MetricsListener

        yield MetricsListener(metrics)
