"""OpenTelemetry metrics of runs, following the messaging conventions: the number of runs and their duration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monarq.shared.text.error_text import type_name_of
from monarq.workers.events.events import WorkerEvents

if TYPE_CHECKING:
    from monarq.shared.payloads.payload import Payload
    from monarq.shared.protocol.lease import Lease
    from monarq.shared.tracing.otel_metrics import MessagingMetrics
    from monarq.workers.runs.cpu_errors import CpuJobDied
    from monarq.workers.runs.run import ActiveRun


class MetricsListener(WorkerEvents):
    """Counts and times each run.

    Args:
        metrics: the instruments of the program's meter provider.
    """

    def __init__(self, metrics: MessagingMetrics) -> None:
        self._metrics = metrics

    def job_started(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._metrics.consumed(run.queue, run.name)

    def job_succeeded(self, run: ActiveRun, value: object) -> None:
        """See `WorkerEvents`."""
        self._metrics.processed(run.queue, run.name, run.seconds)

    def job_failed(self, run: ActiveRun, error: BaseException) -> None:
        """See `WorkerEvents`."""
        self._metrics.processed(run.queue, run.name, run.seconds, type_name_of(error))

    def result_not_serialized(self, run: ActiveRun, error: Exception) -> None:
        """See `WorkerEvents`."""
        self.job_failed(run, error)

    def job_retried(self, run: ActiveRun, error: BaseException, delay_s: float) -> None:
        """See `WorkerEvents`."""
        self.job_failed(run, error)

    def job_crashed(self, run: ActiveRun, error: CpuJobDied) -> None:
        """See `WorkerEvents`."""
        self.job_failed(run, error)

    def job_cancelled(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._metrics.processed(run.queue, run.name, run.seconds, "cancelled")

    def job_handed_back(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._metrics.processed(run.queue, run.name, run.seconds, "handed_back")

    def job_lost(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._metrics.processed(run.queue, run.name, run.seconds, "lost")

    def job_rejected(
        self, lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None
    ) -> None:
        """See `WorkerEvents`."""
        self._metrics.consumed(lease.queue.name, name, type_name_of(error))
