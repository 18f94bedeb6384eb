"""arq's policies where they differ from monarq's: outcomes of runs, and rejections of jobs that cannot be run.

Rejections use arq's own error classes, since clients that load them need not have monarq installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from arq.jobs import DeserializationError
from arq.utils import ms_to_datetime
from arq.worker import JobExecutionFailed

from monarq.shared.errors import PayloadError, PayloadTooLargeError
from monarq.shared.protocol.lease import Lease
from monarq.workers.config.settings import describe
from monarq.workers.runs.outcome import MIN_RETRY_DELAY_S, Failed, HandedBack, Outcome, OutcomePolicy, Retried
from monarq.workers.runs.rejection import RejectionPolicy
from monarq.workers.runs.run import ActiveRun


@dataclass(frozen=True)
class ArqOutcomes(OutcomePolicy):
    """Outcomes by arq's rules: a try counts from its start, so that a crash or a stop also uses one up.

    `Retry` always leads to another claim, which may then find that no try is left.

    Attributes:
        retry_jobs: whether `Retry` and a cancelled run lead to another try; arq's setting.
    """

    retry_jobs: bool = True

    def is_retry(self, run: ActiveRun, error: BaseException) -> bool:
        """See `OutcomePolicy`."""
        return self.retry_jobs and super().is_retry(run, error)

    def retry(self, run: ActiveRun, error: BaseException, delay_s: float) -> Outcome:
        """See `OutcomePolicy`."""
        return Retried(delay_s, error)

    def cancelled_itself(self, run: ActiveRun, error: BaseException) -> Outcome:
        """See `OutcomePolicy`; a client that waits must not take the job for an aborted one."""
        return Retried(MIN_RETRY_DELAY_S, error) if self.retry_jobs else Failed(error)

    def stopped(self, error: BaseException) -> Outcome:
        """See `OutcomePolicy`."""
        return self.handed_back() if self.retry_jobs else Failed(error)

    def handed_back(self) -> HandedBack:
        """See `OutcomePolicy`."""
        return HandedBack(is_free=False)

    def crash_tries(self, lease: Lease) -> int:
        """See `OutcomePolicy`."""
        return lease.crashes


class ArqRejections(RejectionPolicy):
    """Rejections with arq's texts and classes; a job with an unknown name is rejected at once."""

    def dead(self, why: str) -> Exception:
        """See `RejectionPolicy`."""
        return JobExecutionFailed(why)

    def gone(self, lease: Lease) -> Exception:
        """See `RejectionPolicy`."""
        return self.dead("job expired")

    def too_large(self, lease: Lease, size: int, most: int) -> Exception:
        """See `RejectionPolicy`."""
        return self.dead(str(PayloadTooLargeError(f"job {lease.job_id}", size, most)))

    def undecodable(self, error: PayloadError) -> Exception:
        """See `RejectionPolicy`."""
        wrapped = DeserializationError("unable to deserialize job")
        wrapped.__cause__ = error
        return wrapped

    def may_wait(self, waited_s: float, keep_s: float) -> bool:
        """See `RejectionPolicy`."""
        return False

    def unknown(self, name: str, waited_s: float, known: Iterable[str]) -> Exception:
        """See `RejectionPolicy`."""
        return self.dead(f"function {name!r} not found")


def describe_run(run: ActiveRun) -> dict[str, Any]:
    """The fields of a run in arq's ctx dict: the time is in the time zone that arq's environment variables name."""
    return {**describe(run), "enqueue_time": ms_to_datetime(run.payload.enqueue_ms)}
