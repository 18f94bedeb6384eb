"""The listener: the events of a worker as the methods of one class, which monarq's logs and users' listeners override.

They are called on the worker's event loop, but for `renewal_failed`, which the lease thread calls. Those of a run are
called in the run's own task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monarq.shared.commands.jobs.claim import Lease
    from monarq.workers.runs.cpu_errors import CpuJobDied
    from monarq.workers.runs.run import Run


class Listener:
    """Hears of what happens in a worker: a subclass overrides the events it wants to hear of, and hears of no other.

    The methods must not wait: the worker's event loop waits for them. What one raises harms nobody: it is logged once,
    and then no more until the same method has worked again.
    """

    def worker_started(self, worker_id: str, queues: list[str], jobs: list[str]) -> None:
        """The worker is about to claim its first job."""

    def worker_stopped(self, worker_id: str) -> None:
        """All is written and given back."""

    def draining(self, running: int, grace_s: float) -> None:
        """No new job is taken; those that run have this long."""

    def job_started(self, run: Run) -> None:
        """The job's function is about to be called."""

    def job_completed(self, run: Run, value: object) -> None:
        """It returned."""

    def job_failed(self, run: Run, error: BaseException) -> None:
        """It raised, for good."""

    def job_retried(self, run: Run, error: BaseException, delay_s: float) -> None:
        """It raised, and is tried again."""

    def job_crashed(self, run: Run, error: CpuJobDied) -> None:
        """Its process died, and nobody wanted that: it runs again, or is dead, as after the death of a worker."""

    def job_aborted(self, run: Run) -> None:
        """Somebody wanted it stopped while it ran."""

    def job_handed_back(self, run: Run) -> None:
        """The worker stops, and gave it back."""

    def job_lost(self, run: Run) -> None:
        """Its lease was lost while it ran; the run was cancelled and nothing is written."""

    def job_refused(self, lease: Lease, name: str, error: BaseException, enqueue_ms: int) -> None:
        """It could not even be started, and is dead; the error says why."""

    def job_unknown(self, lease: Lease, name: str) -> None:
        """Jobs of this name are not known here and go back, for workers that know them. Told once in ten minutes."""

    def aborted_before_start(self, lease: Lease, name: str, enqueue_ms: int) -> None:
        """Somebody wanted it stopped before it ran."""

    def ack_refused(self, job_ids: list[str]) -> None:
        """What these runs came to was not written, because their leases were lost before."""

    def result_not_serialized(self, run: Run, error: Exception) -> None:
        """The job returned what has no place in its format."""

    def hook_failed(self, name: str, error: BaseException) -> None:
        """A user's hook raised."""

    def redis_awaited(self, why: str, waited_s: float) -> None:
        """Redis does not answer yet, and the worker's start waits for it. Told every few seconds."""

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """A call failed; it is tried again until it goes through. Told once for each spell of trouble."""

    def redis_back(self, doing: str) -> None:
        """The call goes through again."""

    def redis_warning(self, text: str) -> None:
        """The server is set up in a way that can lose jobs; the text says which, and what to do."""

    def renewal_failed(self, error: BaseException) -> None:
        """The lease thread could not renew; it asks again soon. Told once for each spell; `redis_back` ends it."""

    def cron_enqueued(self, name: str, job_id: str) -> None:
        """A cron tick was put into the queue by this worker."""

    def listener_failed(self, name: str, error: BaseException) -> None:
        """A listener's method raised. Told once, until it works again."""


EVENTS: Final = tuple(name for name in vars(Listener) if not name.startswith("_"))
