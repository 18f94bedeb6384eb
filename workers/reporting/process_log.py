"""Log text that a worker process and its supervisor share: recovery of a dead worker's jobs, start and exit.

It is cheap to import, as the supervisor imports it too.
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
        """The jobs of a dead worker could not be given back."""
        logger.warning(
            "the jobs of %s could not be given back; they run again when their leases end, after %g s at the most",
            worker_id,
            lease_s,
        )

    def recovery_failed(self, worker_id: str, error: BaseException) -> None:
        """Redis does not take the jobs of a dead worker back, and it is tried again. Logged once for each worker."""
        logger.warning("the jobs of %s cannot be given back (%s); trying again", worker_id, error_text(error))


def start_failure(error: BaseException) -> str:
    """The message of a worker that failed before it took jobs, in the user's hook for instance."""
    return f"the worker could not start: {error_text(error)}"


def still_at_work(threads: Sequence[str]) -> str:
    """What a worker process writes to stderr that exits although threads or tasks still run in it."""
    what = ", ".join(threads) or "a task that swallows its cancellation, or an exit handler"
    return f"monarq: the worker process exits, though something is still at work in it: {what}\n"
