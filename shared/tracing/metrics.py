"""Optional OpenTelemetry metrics. In a program without them, each call is one cheap check and imports nothing.

A program has metrics once it has imported OpenTelemetry's API and set a meter provider, in its own code or by
`opentelemetry-instrument`. This may happen at any time.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monarq.shared.tracing.otel_metrics import MessagingMetrics

_IS_CHOSEN_BY_ENVIRONMENT: Final = "OTEL_PYTHON_METER_PROVIDER" in os.environ


def find_metrics() -> MessagingMetrics | None:
    """The metrics of the program's meter provider; None in a program without one."""
    internal = sys.modules.get("opentelemetry.metrics._internal")
    if internal is None:  # not imported, so no provider is set
        return None
    if getattr(internal, "_METER_PROVIDER", internal) is None and not _IS_CHOSEN_BY_ENVIRONMENT:
        return None
    from opentelemetry.metrics import NoOpMeterProvider, get_meter_provider

    provider = get_meter_provider()
    if isinstance(provider, NoOpMeterProvider) or type(provider).__name__ == "_ProxyMeterProvider":
        return None
    from monarq.shared.tracing.otel_metrics import metrics_for

    return metrics_for(provider)
