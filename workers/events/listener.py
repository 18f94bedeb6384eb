"""`Listener`: users' own listeners of a worker's events derive from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monarq.shared.calls.run import Run


class Listener:
    """Gets the events of a worker: a subclass overrides the methods of those that it wants, and gets no others.

    The methods are called on the worker's event loop, those of a run in the run's own task; `lease_renewal_failed` is
    called in a thread. They must not block: the event loop waits for them. An error that one raises harms no job: it is
    logged once, and not again until the same method has worked.
    """

    def worker_started(self, worker_id: str, queues: list[str], jobs: list[str]) -> None:
        """The worker is about to claim its first job of these queues, which are given as people see them.

        Where it serves two queues of one name, that in arq's format has " (arq)" behind it.
        """

    def worker_draining(self, running: int, grace_s: float) -> None:
        """No new job is claimed; the running ones have this long to end."""

    def worker_stopped(self, worker_id: str) -> None:
        """Everything is acknowledged or handed back."""

    def job_started(self, run: Run) -> None:
        """The job's function is about to be called."""

    def job_succeeded(self, run: Run, value: object) -> None:
        """The job returned."""

    def job_failed(self, run: Run, error: BaseException) -> None:
        """The job raised and is not tried again, or what it returned cannot be sent."""

    def job_retried(self, run: Run, error: BaseException, delay_s: float) -> None:
        """The job raised and is tried again."""

    def job_crashed(self, run: Run, error: BaseException) -> None:
        """The job's process died unexpectedly: the job runs again, or is dead, as after the death of a worker."""

    def job_cancelled(self, run: Run) -> None:
        """The job was cancelled, while it ran or before: then `run.started_at` is None."""

    def job_handed_back(self, run: Run) -> None:
        """The worker stops and has handed the job back to its queue."""

    def job_lost(self, run: Run) -> None:
        """The job's lease was lost, while it ran or before its end was written, and nothing of it is written.

        In the second case the run has no arguments, as they are gone, and `run.started_at` is None.
        """

    def job_rejected(self, run: Run, error: BaseException) -> None:
        """The job could not be started, and is dead; the error says why."""

    def job_unknown(self, run: Run) -> None:
        """This worker knows no job of this name, and puts it back for others. Reported once in ten minutes."""

    def redis_awaited(self, why: str, waited_s: float) -> None:
        """Redis does not answer yet, and the worker's start waits for it. Reported every few seconds."""

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """A call to Redis failed, and is retried until it succeeds. Reported once for each outage."""

    def redis_back(self, doing: str) -> None:
        """The call succeeds again."""

    def redis_warning(self, text: str) -> None:
        """The server's configuration can lose jobs; the text says why, and what to do."""

    def lease_renewal_failed(self, error: BaseException) -> None:
        """The leases could not be renewed, and soon are tried again. Reported once for each outage."""

    def schedule_fired(self, name: str, job_id: str) -> None:
        """This worker has enqueued a cron tick."""

    def middleware_failed(self, name: str, error: BaseException) -> None:
        """What runs around a job raised where it does not change the job's end: one of arq's hooks."""

    def listener_failed(self, name: str, error: BaseException) -> None:
        """A listener's method raised. Reported once, until it works again."""


INSTALLED: Final[list[Listener]] = []
"""Listeners that an integration of this process adds to each of its workers, such as `monarq.sentry`'s."""

PUBLIC_EVENTS: Final = tuple(name for name in vars(Listener) if not name.startswith("_"))
