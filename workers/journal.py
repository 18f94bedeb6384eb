"""What a worker has to tell: events that the core names, and whoever listens puts into words or numbers.

`Journal` does nothing; `monarq.workers.log` writes monarq's lines, `monarq.arq` arq's. Methods are called on the
worker's event loop, but for `renewal_failed`, which the lease thread calls.
"""

from __future__ import annotations

from monarq.shared.commands.claim import Lease
from monarq.workers.run import Run


class Journal:
    """Hears of everything; each method here keeps silent."""

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

    def job_aborted(self, run: Run) -> None:
        """Somebody wanted it stopped while it ran."""

    def job_handed_back(self, run: Run) -> None:
        """The worker stops, and gave it back."""

    def job_lost(self, run: Run) -> None:
        """Its lease was lost while it ran; the run was cancelled and nothing is written."""

    def job_refused(self, lease: Lease, name: str, error: BaseException, enqueue_ms: int) -> None:
        """It could not even be started, and is dead; the error says why."""

    def aborted_before_start(self, lease: Lease, name: str, enqueue_ms: int) -> None:
        """Somebody wanted it stopped before it ran."""

    def ack_refused(self, job_ids: list[str]) -> None:
        """What these runs came to was not written, because their leases were lost before."""

    def result_not_serialized(self, run: Run, error: Exception) -> None:
        """The job returned what has no place in its format."""

    def hook_failed(self, name: str, error: BaseException) -> None:
        """A user's hook raised."""

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """A call failed; it is tried again until it goes through. Told once for each spell of trouble."""

    def redis_back(self, doing: str) -> None:
        """The call goes through again."""

    def redis_warning(self, text: str) -> None:
        """The server is set up in a way that can lose jobs; the text says which, and what to do."""

    def renewal_failed(self, error: BaseException) -> None:
        """The lease thread could not renew; it asks again soon."""

    def cron_enqueued(self, name: str, job_id: str) -> None:
        """A cron tick was put into the queue by this worker."""

    def child_died(self, run: Run, error: BaseException) -> None:
        """The cpu lane's process died under a job."""
