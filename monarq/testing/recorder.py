"""Records how the jobs of a drain end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from monarq.testing.records import Ended
from monarq.testing.tasks import task_value
from monarq.workers.events.events import WorkerEvents

if TYPE_CHECKING:
    from monarq.shared.payloads.payload import Payload
    from monarq.shared.protocol.lease import Lease
    from monarq.workers.runs.run import ActiveRun


class Recorder(WorkerEvents):
    """Records what the workers of one drain do.

    Attributes:
        ended: the jobs that have ended, in the order in which they ended.
        unknown: the names of unknown jobs.
    """

    def __init__(self) -> None:
        self.ended: list[Ended] = []
        self.unknown: set[str] = set()

    def job_succeeded(self, run: ActiveRun, value: object) -> None:
        """See `WorkerEvents`."""
        self._end(run, "succeeded", value=task_value(value))

    def job_failed(self, run: ActiveRun, error: BaseException) -> None:
        """See `WorkerEvents`."""
        self._end(run, "failed", error=error)

    def result_not_serialized(self, run: ActiveRun, error: Exception) -> None:
        """See `WorkerEvents`."""
        self._end(run, "failed", error=error)

    def job_cancelled(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._end(run, "cancelled")

    def job_rejected(
        self, lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None
    ) -> None:
        """See `WorkerEvents`."""
        self._end_unstarted(lease, name, payload, "failed", error)

    def cancelled_before_start(self, lease: Lease, name: str, enqueue_ms: int, payload: Payload | None = None) -> None:
        """See `WorkerEvents`."""
        self._end_unstarted(lease, name, payload, "cancelled", None)

    def job_unknown(self, lease: Lease, name: str) -> None:
        """See `WorkerEvents`."""
        self.unknown.add(name)

    def _end(
        self,
        run: ActiveRun,
        state: Literal["succeeded", "failed", "cancelled"],
        *,
        value: object = None,
        error: BaseException | None = None,
    ) -> None:
        self.ended.append(
            Ended(run.name, run.args, run.kwargs, run.queue, run.job_id, run.job_try, state, value, error)
        )

    def _end_unstarted(
        self,
        lease: Lease,
        name: str,
        payload: Payload | None,
        state: Literal["failed", "cancelled"],
        error: BaseException | None,
    ) -> None:
        args: tuple[Any, ...] = payload.args if payload else ()
        kwargs: Mapping[str, Any] = payload.kwargs if payload else {}
        self.ended.append(Ended(name, args, kwargs, lease.queue.name, lease.job_id, 0, state, None, error))
