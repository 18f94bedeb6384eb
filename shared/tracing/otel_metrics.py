"""OpenTelemetry metrics, by the semantic conventions for messaging. Imported only if a meter provider is set.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/ (as of 1.37, "development").
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from opentelemetry.metrics import MeterProvider

from monarq.shared.tracing.otel import SYSTEM
from monarq.shared.version import VERSION

_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The bucket boundaries that the conventions recommend."""


class MessagingMetrics:
    """The instruments of a program's meter provider."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("monarq", VERSION)
        self._sent = meter.create_counter(
            "messaging.client.sent.messages", unit="{message}", description="Jobs that producers tried to enqueue"
        )
        self._consumed = meter.create_counter(
            "messaging.client.consumed.messages", unit="{message}", description="Jobs that workers have claimed"
        )
        self._duration = meter.create_histogram(
            "messaging.process.duration",
            unit="s",
            description="Duration of runs",
            explicit_bucket_boundaries_advisory=_BUCKETS_S,
        )

    def sent(self, queue: str, job_name: str, count: int, error_type: str = "") -> None:
        """Counts the enqueue of some jobs; `error_type` is the class of its exception, '' if it succeeded."""
        self._sent.add(count, _attributes("send", queue, job_name, error_type))

    def consumed(self, queue: str, job_name: str, error_type: str = "") -> None:
        """Counts a job that a worker has claimed."""
        self._consumed.add(1, _attributes("process", queue, job_name, error_type))

    def processed(self, queue: str, job_name: str, seconds: float, error_type: str = "") -> None:
        """Records how long a run took."""
        self._duration.record(seconds, _attributes("process", queue, job_name, error_type))


@lru_cache(maxsize=8)
def metrics_for(provider: MeterProvider) -> MessagingMetrics:
    """The metrics for a provider, cached; a program has one provider, but tests may have several."""
    return MessagingMetrics(provider)


@lru_cache(maxsize=1024)
def _attributes(operation: str, queue: str, job_name: str, error_type: str) -> dict[str, str]:
    attributes = {
        "messaging.system": SYSTEM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": queue,
        "monarq.job.name": job_name,
    }
    if error_type:
        attributes["error.type"] = error_type
    return attributes
