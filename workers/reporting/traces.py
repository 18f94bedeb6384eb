"""A worker's traces: on for as long as it serves, where the program has set a tracer provider by then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from monarq.shared.tracing.tracing import find_own_tracing
from monarq.workers.events.dispatcher import Dispatcher


@contextmanager
def tracing(events: Dispatcher, worker_id: str) -> Iterator[None]:
    """Lets spans be made of the runs that events report; does nothing without a tracer provider."""
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
