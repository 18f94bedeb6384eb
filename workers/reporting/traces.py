"""Tracing of a worker: turned on while it runs, if the program has set a tracer provider by then.

The spans are made in `monarq.workers.reporting.spans`, a module of its own because it imports OpenTelemetry, which
programs without tracing must not load and need not have installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from monarq.shared.tracing.tracing import find_own_tracing
from monarq.workers.events.dispatcher import Dispatcher


@contextmanager
def tracing(events: Dispatcher, worker_id: str) -> Iterator[None]:
    """Makes spans from the events of runs in this block; does nothing without a tracer provider."""
    found = find_own_tracing()
    if found is None:
        yield
        return
    from monarq.workers.reporting.spans import SpanListener

    listener = SpanListener(found.tracer, worker_id)
    events.add(listener)
    try:
        yield
    finally:
        events.remove(listener)
