"""Log texts that a worker process and its supervisor share: recovery of a dead worker's jobs, start and exit.

It is cheap to import, since the supervisor imports it too.
"""

from __future__ import annotations

from collections.abc import Sequence

from monarq.shared.text.error_text import error_text
from monarq.shared.text.loggers import get_logger

logger = get_logger("monarq.supervisor")


class RecoveryLog:
    """Logs the recovery of a dead worker's jobs, to the logger ``monarq.supervisor``."""

    def jobs_recovered(self, worker_id: str, count: int) -> None:
        """The jobs of a dead worker are back in their queues."""
        if count == 1:
            logger.warning("1 job of %s is back in its queue", worker_id)
        else:
            logger.warning("%d jobs of %s are back in their queues", count, worker_id)

    def jobs_left_to_leases(self, worker_id: str, lease_s: float) -> None:
        """The jobs of a dead worker could not be returned."""
        logger.warning(
            "could not return the jobs of %s to their queues; they run again when their leases expire, in at most %g s",
            worker_id,
            lease_s,
        )

    def recovery_failed(self, worker_id: str, error: BaseException) -> None:
        """Redis does not accept the jobs of a dead worker; this is retried. Logged once for each worker."""
        logger.warning("cannot return the jobs of %s to their queues (%s); retrying", worker_id, error_text(error))


def start_failure(error: BaseException) -> str:
    """The message of a worker that failed before it took jobs, for instance in a user's hook."""
    return f"the worker could not start: {error_text(error)}"


def still_at_work(threads: Sequence[str]) -> str:
    """The message on stderr when a worker process exits although threads or tasks still run in it."""
    what = ", ".join(threads) or "a task that swallows its cancellation, or an exit handler"
    return f"monarq: the worker process exits although this is still running in it: {what}\n"
