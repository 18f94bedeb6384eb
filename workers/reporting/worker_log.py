"""The worker's log: a listener that writes monarq's own log lines and holds all their texts.

A job that succeeds is logged only at DEBUG: at ten thousand jobs a second, a line for each would cost more than the
jobs. So is a cron tick, since its job is logged like any other.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from monarq.shared.jobs.retry_exception import is_retry
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Ack
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.namesake import Namesake, option_of
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.redis_errors import NotSentError, advice
from monarq.shared.text.error_text import error_text, message_of
from monarq.shared.text.loggers import get_logger
from monarq.shared.text.printable import printable
from monarq.workers.events.events import WorkerEvents
from monarq.workers.runs.cpu_errors import CpuJobDied
from monarq.workers.runs.run import ActiveRun

logger = get_logger("monarq.worker")

FAILED: Final = "%s failed for good after %.3f s: %s"
"""The text of the line with the traceback of a job that failed."""


class WorkerLog(WorkerEvents):
    """Logs the events of a worker, to the logger ``monarq.worker``."""

    def worker_started(self, worker_id: str, queues: list[str], jobs: list[str]) -> None:
        """See `WorkerEvents`."""
        shown = ", ".join(jobs[:8]) + (f" and {len(jobs) - 8} more" if len(jobs) > 8 else "")
        kind = "job" if len(jobs) == 1 else "jobs"
        logger.info("worker %s serves %s with %d %s: %s", worker_id, ", ".join(queues), len(jobs), kind, shown)

    def worker_stopped(self, worker_id: str) -> None:
        """See `WorkerEvents`."""
        logger.info("worker %s has stopped", worker_id)

    def worker_draining(self, running: int, grace_s: float) -> None:
        """See `WorkerEvents`."""
        jobs = "1 running job has" if running == 1 else f"{running} running jobs have"
        logger.info("draining: %s %g s to end; jobs still running then go back to their queues", jobs, grace_s)

    def job_failed(self, run: ActiveRun, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error(FAILED, _named(run), run.seconds, error_text(error), exc_info=error)

    def job_retried(self, run: ActiveRun, error: BaseException, delay_s: float) -> None:
        """See `WorkerEvents`."""
        # A job that asks for a retry works as intended; one that is retried because it raised may be in trouble.
        if is_retry(error):
            logger.info("%s is retried in %.2f s, as it requested", _named(run), delay_s)
        else:
            logger.warning("%s is retried in %.2f s: %s", _named(run), delay_s, error_text(error))

    def job_crashed(self, run: ActiveRun, error: CpuJobDied) -> None:
        """See `WorkerEvents`."""
        logger.error("%s crashed after %.3f s: %s; this does not count as a try", _named(run), run.seconds, error.how)

    def job_cancelled(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        logger.info("%s was cancelled after %.3f s", _named(run), run.seconds)

    def job_handed_back(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        # This event may come from outside the run's task, without the log fields of its job.
        logger.info(
            "%s goes back to its queue; this does not count as a try", _named(run), extra=_fields(run.lease, run.name)
        )

    def job_lost(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        logger.warning("%s was cancelled: its lease was lost, and another worker may be running it", _named(run))

    def job_rejected(
        self, lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None
    ) -> None:
        """See `WorkerEvents`."""
        without = "" if lease.crashes or lease.tries else " and has never run"
        logger.error("%s:%s is dead%s: %s", lease.job_id, name, without, error_text(error), extra=_fields(lease, name))

    def job_unknown(self, lease: Lease, name: str) -> None:
        """See `WorkerEvents`."""
        logger.warning(
            "no job is named %r on this worker: it waits in the queue %s for a worker that knows it, and is marked dead"
            " if none appears within --keep-unknown",
            name,
            printable(lease.queue.label),
            extra=_fields(lease, name),
        )

    def cancelled_before_start(self, lease: Lease, name: str, enqueue_ms: int, payload: Payload | None = None) -> None:
        """See `WorkerEvents`."""
        logger.info("%s:%s was cancelled before it started", lease.job_id, name, extra=_fields(lease, name))

    def ack_refused(self, refused: list[Ack]) -> None:
        """See `WorkerEvents`."""
        logger.warning(
            "the outcomes of %d jobs were not written because their leases had been lost: %s", *_some(refused)
        )

    def result_not_serialized(self, run: ActiveRun, error: Exception) -> None:
        """See `WorkerEvents`."""
        logger.error("%s failed: %s", _named(run), error)

    def hook_failed(self, name: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error("the hook %s raised %s", name, error_text(error), exc_info=error)

    def cpu_lifespan_cut_short(self, limit_s: float) -> None:
        """See `WorkerEvents`."""
        logger.error(
            "cpu_lifespan did not close within %g s, so its process was killed: let it do less after its yield", limit_s
        )

    def redis_awaited(self, why: str, waited_s: float) -> None:
        """See `WorkerEvents`."""
        waited = f" after {waited_s:.0f} s" if waited_s >= 1 else ""
        logger.warning("%s for Redis%s: %s", "still waiting" if waited else "waiting", waited, why)

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.warning("Redis: %s fails (%s); retrying until it works", doing, why_refused(error))

    def redis_back(self, doing: str) -> None:
        """See `WorkerEvents`."""
        logger.info("Redis: %s works again", doing)

    def redis_warning(self, text: str) -> None:
        """See `WorkerEvents`."""
        logger.warning("Redis can lose jobs: %s", text)

    def lease_renewal_failed(self, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.warning("Redis: renewing the leases fails (%s); retrying until it works", why_refused(error))

    def listener_failed(self, name: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error("the listener %s raised %s; the job is not affected", name, error_text(error), exc_info=error)


class DebugWorkerLog(WorkerLog):
    """The same with two more lines for each job and one for each cron tick, for the level DEBUG."""

    def job_started(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        logger.debug("-> %s", _named(run))

    def job_succeeded(self, run: ActiveRun, value: object) -> None:
        """See `WorkerEvents`."""
        logger.debug("<- %s after %.3f s", _named(run), run.seconds)

    def schedule_fired(self, name: str, job_id: str) -> None:
        """See `WorkerEvents`."""
        logger.debug("cron: %s is enqueued as %s", name, job_id)


def worker_log() -> WorkerLog:
    """Returns the listener for the logger's current level: at INFO, the events of each job need no handler."""
    return DebugWorkerLog() if logger.isEnabledFor(logging.DEBUG) else WorkerLog()


def why_refused(error: BaseException) -> str:
    """The text of a Redis error, and what to do about it if that is known."""
    to_do = advice(error)
    # Users need not know that nothing was sent, only why.
    text = (isinstance(error, NotSentError) and message_of(error)) or error_text(error)
    return f"{text}: {to_do}" if to_do else text


def warn_unserved_queues(served: Sequence[QueueRef], unserved: Mapping[QueueRef, Sequence[str]]) -> None:
    """Warns of jobs of a worker whose queues it does not serve; `unserved` has them by queue."""
    jobs = "; ".join(f"{queue} ({', '.join(names)})" for queue, names in unserved.items())
    options = " ".join(map(option_of, (*served, *unserved)))
    logger.warning("this worker does not serve the queues of some of its jobs: %s; to serve all: %s", jobs, options)


def warn_unserved_own_queues(served: Sequence[QueueRef], own: Sequence[QueueRef]) -> None:
    """Warns of queues that the target's own settings name but its worker was told not to serve."""
    kind = "queue" if len(own) == 1 else "queues"
    options = " ".join(map(option_of, (*served, *own)))
    logger.warning(
        "this worker does not serve the %s %s of its settings; to serve all: %s",
        kind,
        ", ".join(map(str, own)),
        options,
    )


def warn_never_retried(jobs: Sequence[str]) -> None:
    """Warns of jobs that have ``retry_on`` or ``give_up_on``, but no retries."""
    one = len(jobs) == 1
    logger.warning(
        "%s %s retry_on or give_up_on, but no retry, so %s not retried: add retry=, as in"
        " @job(retry=3, retry_on=...), or start the worker with --retry",
        ", ".join(jobs),
        "has" if one else "have",
        "it is" if one else "they are",
    )


def warn_namesake(found: Namesake) -> None:
    """Warns of jobs in a queue of the other format with the name of a queue that the worker serves."""
    logger.warning("%s, which this worker does not serve; to serve it: %s", found, option_of(found.queue))


def warn_paused(paused: Sequence[QueueRef], *, ends: bool) -> None:
    """Warns of paused queues: at the start of a worker, or when a burst ends without their jobs."""
    one = len(paused) == 1
    names = ", ".join(map(str, paused))
    commands = "; ".join(f"monarq queues resume {_argument_of(queue)}" for queue in paused)
    what = "burst ends without their jobs" if ends else "worker runs none of their jobs"
    logger.warning(
        "the %s %s %s paused, and this %s; to resume: %s",
        "queue" if one else "queues",
        names,
        "is" if one else "are",
        what.replace("their", "its") if one else what,
        commands,
    )


def _argument_of(queue: QueueRef) -> str:
    """A queue as the argument of `monarq queues`."""
    return f"{'--arq ' if queue.format == 'arq' else ''}{shlex.quote(queue.name)}"


def _named(run: ActiveRun) -> str:
    tries = f" (try {run.job_try})" if run.job_try > 1 else ""
    return f"{run.lease.job_id}:{run.job.name}{tries}"


def _fields(lease: Lease, name: str) -> dict[str, str]:
    """The log fields of a job, for lines written outside of its task; see `monarq.workers.reporting.log_fields`."""
    fields = {"job_id": lease.job_id, "job_name": name, "queue": lease.queue.name}
    return {field: printable(value) for field, value in fields.items()}


def _some(refused: list[Ack]) -> tuple[int, str]:
    return len(refused), ", ".join(ack.lease.job_id for ack in refused[:5]) + (" …" if len(refused) > 5 else "")
