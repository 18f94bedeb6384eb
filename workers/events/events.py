"""The events of a worker as methods of one class, which monarq's own logs and traces override.

Users' listeners derive from `monarq.workers.events.listener.Listener` and get public values instead of a worker's
internal objects. The methods are called on the worker's event loop, except `lease_renewal_failed`, which the lease
thread calls. The events of a run are called in the run's own task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monarq.shared.payloads.payload import Payload
    from monarq.shared.protocol.acks import Ack
    from monarq.shared.protocol.lease import Lease
    from monarq.workers.runs.cpu_errors import CpuJobDied
    from monarq.workers.runs.run import ActiveRun


class WorkerEvents:
    """The events of a worker: a subclass overrides the methods of the events that it wants, and gets no others.

    The methods must not block: the worker's event loop waits for them. An exception in one affects no job: it is logged
    once, and not again until the same method has succeeded.
    """

    def worker_started(self, worker_id: str, queues: list[str], jobs: list[str]) -> None:
        """The worker is about to claim its first job from these queues, which are given as display names.

        If it serves two queues with the same name, the one in arq's format has the suffix " (arq)".
        """

    def worker_stopped(self, worker_id: str) -> None:
        """The worker has stopped; every job is acknowledged or handed back."""

    def worker_draining(self, running: int, grace_s: float) -> None:
        """The worker claims no more jobs; the running ones have this long to end."""

    def job_started(self, run: ActiveRun) -> None:
        """The job's function is about to be called."""

    def job_succeeded(self, run: ActiveRun, value: object) -> None:
        """The job returned."""

    def job_failed(self, run: ActiveRun, error: BaseException) -> None:
        """The job raised and is not retried."""

    def job_retried(self, run: ActiveRun, error: BaseException, delay_s: float) -> None:
        """The job raised and is retried."""

    def job_crashed(self, run: ActiveRun, error: CpuJobDied) -> None:
        """The job's process died; the job runs again or becomes a dead letter, as after the death of a worker."""

    def job_cancelled(self, run: ActiveRun) -> None:
        """The job was cancelled while it ran."""

    def job_handed_back(self, run: ActiveRun) -> None:
        """The worker is stopping and has handed the job back to its queue."""

    def job_lost(self, run: ActiveRun) -> None:
        """The job's lease was lost while it ran; the run was cancelled and its outcome is not written."""

    def job_rejected(
        self, lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None
    ) -> None:
        """The job could not be started and becomes a dead letter; the error says why."""

    def job_unknown(self, lease: Lease, name: str) -> None:
        """This worker knows no job with this name, and puts it back for others. Reported once in ten minutes."""

    def cancelled_before_start(self, lease: Lease, name: str, enqueue_ms: int, payload: Payload | None = None) -> None:
        """The job was cancelled before it started."""

    def ack_refused(self, refused: list[Ack]) -> None:
        """The outcomes of these jobs were not written, because their leases had been lost."""

    def result_not_serialized(self, run: ActiveRun, error: Exception) -> None:
        """The job returned a value that cannot be serialized."""

    def hook_failed(self, name: str, error: BaseException) -> None:
        """A user's hook raised."""

    def cpu_lifespan_cut_short(self, limit_s: float) -> None:
        """A process of the cpu lane was killed because its `cpu_lifespan` had not closed within this time."""

    def redis_awaited(self, why: str, waited_s: float) -> None:
        """Redis does not answer yet, and the worker waits for it before it starts. Reported every few seconds."""

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """A call to Redis failed and is retried until it succeeds. Reported once per outage."""

    def redis_back(self, doing: str) -> None:
        """The call succeeds again."""

    def redis_warning(self, text: str) -> None:
        """The server's configuration can lose jobs; the text says why, and what to do."""

    def lease_renewal_failed(self, error: BaseException) -> None:
        """The lease thread failed to renew the leases and retries. Reported once per outage; `redis_back` ends it."""

    def schedule_fired(self, name: str, job_id: str) -> None:
        """This worker has enqueued a cron tick."""

    def listener_failed(self, name: str, error: BaseException) -> None:
        """A listener's method raised. Reported once until it succeeds again."""


EVENTS: Final = tuple(name for name in vars(WorkerEvents) if not name.startswith("_"))
