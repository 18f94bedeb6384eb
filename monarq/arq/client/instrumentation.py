"""opentelemetry-instrumentation-arq: whether a program uses it, and what it expects. It is not imported here."""

from __future__ import annotations

import sys
from typing import Final

from monarq.shared.tracing.carrier import Carrier
from monarq.shared.tracing.tracing import inject_context

CARRIER_ARGUMENT: Final = "_carrier"
"""The keyword argument in which it passes a span's context; its worker side removes it."""


def is_instrumented() -> bool:
    """Whether it makes spans of the runs of arq's functions."""
    instrumentor = getattr(sys.modules.get("opentelemetry.instrumentation.arq"), "ArqInstrumentor", None)
    return instrumentor is not None and instrumentor().is_instrumented_by_opentelemetry


def instrumented_carrier() -> Carrier | None:
    """The current span's context, for `CARRIER_ARGUMENT`; None where it is not in use."""
    return inject_context() if is_instrumented() else None
