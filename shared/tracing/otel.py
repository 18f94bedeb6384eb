"""OpenTelemetry spans of enqueues, by the semantic conventions for messaging. Imported only if a provider is set.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ (as of 1.37, "development"). The span of the run
is in `monarq.workers.reporting.spans`. It links to the span of the enqueue, whose context is sent in the payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from opentelemetry import context as otel_context
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, TracerProvider, format_span_id, format_trace_id, get_current_span
from opentelemetry.util.types import AttributeValue

from monarq.shared.text.error_text import qualified_name
from monarq.shared.tracing.carrier import Carrier
from monarq.shared.version import VERSION

SYSTEM: Final = "monarq"
"""`messaging.system`; the conventions define no value for queues on Redis."""


class Tracing:
    """Makes spans with a program's tracer provider.

    Attributes:
        tracer: monarq's tracer from that provider.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self.tracer = provider.get_tracer("monarq", VERSION)

    @contextmanager
    def sending(
        self, queue: str, job_name: str, *, job_id: str | None = None, count: int | None = None
    ) -> Iterator[Carrier]:
        """See `monarq.shared.tracing.tracing.sending`."""
        attributes = span_attributes("send", queue, job_name)
        if job_id is not None:
            attributes["messaging.message.id"] = job_id
        if count is not None:
            attributes["messaging.batch.message_count"] = count
        # The span itself records an exception that leaves the block.
        with self.tracer.start_as_current_span(f"send {queue}", kind=SpanKind.PRODUCER, attributes=attributes) as span:
            try:
                yield self.inject()
            except Exception as error:
                span.set_attribute("error.type", qualified_name(type(error)))
                raise

    def inject(self) -> Carrier:
        """The current context in a carrier."""
        carrier: Carrier = {}
        propagate.inject(carrier)
        return carrier

    def ids(self) -> tuple[str, str]:
        """See `monarq.shared.tracing.tracing.span_ids`."""
        current = get_current_span().get_span_context()
        return (format_trace_id(current.trace_id), format_span_id(current.span_id)) if current.is_valid else ("", "")

    @contextmanager
    def attach(self, carrier: object) -> Iterator[None]:
        """See `monarq.shared.tracing.tracing.attach_context`."""
        token = otel_context.attach(extract_context(carrier))
        try:
            yield
        finally:
            otel_context.detach(token)


@lru_cache(maxsize=8)
def tracing_for(provider: TracerProvider) -> Tracing:
    """The tracing for a provider, cached; a program has one provider, but tests may have several."""
    return Tracing(provider)


def span_attributes(operation: str, queue: str, job_name: str) -> dict[str, AttributeValue]:
    """The attributes of all spans of monarq."""
    return {
        "messaging.system": SYSTEM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": queue,
        "monarq.job.name": job_name,
    }


def extract_context(carrier: object) -> Context:
    """The context in a payload's carrier; an empty one if it is missing or invalid."""
    if not isinstance(carrier, dict):
        return Context()
    texts = {name: text for name, text in carrier.items() if isinstance(name, str) and isinstance(text, str)}
    return propagate.extract(texts, context=Context())
