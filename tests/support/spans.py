"""The OpenTelemetry SDK with an exporter that keeps spans in memory."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util.types import AttributeValue

from tests.support.formats import current_queue


class Exported:
    """The created spans, and their provider."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def named(self, name: str) -> list[ReadableSpan]:
        """Spans with this name, in the order in which they ended."""
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    @property
    def sent(self) -> list[ReadableSpan]:
        """The spans of enqueues."""
        return self.named(f"send {current_queue().name}")

    @property
    def processed(self) -> list[ReadableSpan]:
        """The spans of runs."""
        return self.named(f"process {current_queue().name}")


def attributes(span: ReadableSpan) -> dict[str, AttributeValue]:
    """A span's attributes."""
    return dict(span.attributes or {})


def linked(spans: list[ReadableSpan]) -> set[int]:
    """The ids of the spans to which these link."""
    return {link.context.span_id for span in spans for link in span.links}
