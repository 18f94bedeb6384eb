"""`Listener`: the base class of users' own listeners of a worker's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monarq.shared.calls.run import Run


class Listener:
    """Gets the events of a worker: a subclass overrides the methods of the events that it wants, and gets no others.

    The methods are called on the worker's event loop, those of a run in the run's own task; `lease_renewal_failed` is
    called in a thread. They must not block: the event loop waits for them. An exception in one affects no job: it is
    logged once, and not again until the same method has succeeded.
    """

    def worker_started(self, worker_id: str, queues: list[str], jobs: list[str]) -> None:
        """The worker is about to claim its first job from these queues, which are given as display names.

        If it serves two queues with the same name, the one in arq's format has the suffix " (arq)".
        """

    def worker_draining(self, running: int, grace_s: float) -> None:
        """The worker claims no more jobs; the running ones have this long to end."""

    def worker_stopped(self, worker_id: str) -> None:
        """The worker has stopped; every job is acknowledged or handed back."""

    def job_started(self, run: Run) -> None:
        """The job's function is about to be called."""

    def job_succeeded(self, run: Run, value: object) -> None:
        """The job returned."""

    def job_failed(self, run: Run, error: BaseException) -> None:
        """The job raised and is not retried, or its result cannot be sent."""

    def job_retried(self, run: Run, error: BaseException, delay_s: float) -> None:
        """The job raised and is retried."""

    def job_crashed(self, run: Run, error: BaseException) -> None:
        """The job's process died; the job runs again or becomes a dead letter, as after the death of a worker."""

    def job_cancelled(self, run: Run) -> None:
        """The job was cancelled while it ran, or before it started; then `run.started_at` is None."""

    def job_handed_back(self, run: Run) -> None:
        """The worker is stopping and has handed the job back to its queue."""

    def job_lost(self, run: Run) -> None:
        """The job's lease was lost, while it ran or before its outcome was written; the outcome is not written.

        In the second case, the run's arguments are no longer available, and `run.started_at` is None.
        """

    def job_rejected(self, run: Run, error: BaseException) -> None:
        """The job could not be started and becomes a dead letter; the error says why."""

    def job_unknown(self, run: Run) -> None:
        """This worker knows no job with this name, and puts it back for others. Reported once in ten minutes."""

    def redis_awaited(self, why: str, waited_s: float) -> None:
        """Redis does not answer yet, and the worker waits for it before it starts. Reported every few seconds."""

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """A call to Redis failed and is retried until it succeeds. Reported once per outage."""

    def redis_back(self, doing: str) -> None:
        """The call succeeds again."""

    def redis_warning(self, text: str) -> None:
        """The server's configuration can lose jobs; the text says why, and what to do."""

    def lease_renewal_failed(self, error: BaseException) -> None:
        """The leases could not be renewed; this is retried soon. Reported once per outage."""

    def schedule_fired(self, name: str, job_id: str) -> None:
        """This worker has enqueued a cron tick."""

    def middleware_failed(self, name: str, error: BaseException) -> None:
        """Code that runs around a job, such as one of arq's hooks, raised without affecting the job's outcome."""

    def listener_failed(self, name: str, error: BaseException) -> None:
        """A listener's method raised. Reported once until it succeeds again."""


INSTALLED: Final[list[Listener]] = []
"""Listeners that an integration of this process adds to each of its workers, such as `monarq.sentry`'s."""

PUBLIC_EVENTS: Final = tuple(name for name in vars(Listener) if not name.startswith("_"))
