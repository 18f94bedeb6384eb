"""The carrier of a span's context on its way to another process."""

from __future__ import annotations

from typing import Final

Carrier = dict[str, str]
"""A span's context as W3C's `traceparent` and its like."""

CARRIER_ARGUMENT: Final = "_carrier"
"""The keyword argument in which opentelemetry-instrumentation-arq passes a context; its worker side removes it."""
