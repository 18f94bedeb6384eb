"""The worker's log: a listener that writes monarq's own log lines, with all of their text.

A job that succeeds is logged at DEBUG only: at ten thousand jobs a second a line each would cost more than the jobs.
So is a tick of a cron, whose job is a job like others.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence

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
        logger.info("draining: %s %g s to end; what still runs then goes back to its queue", jobs, grace_s)

    def job_failed(self, run: ActiveRun, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error("%s failed for good after %.3f s: %s", _named(run), run.seconds, error_text(error), exc_info=error)

    def job_retried(self, run: ActiveRun, error: BaseException, delay_s: float) -> None:
        """See `WorkerEvents`."""
        # A job that asks for another try works as intended; one that is retried because it raised may be in trouble.
        if is_retry(error):
            logger.info("%s is tried again in %.2f s, as it asked", _named(run), delay_s)
        else:
            logger.warning("%s is tried again in %.2f s: %s", _named(run), delay_s, error_text(error))

    def job_crashed(self, run: ActiveRun, error: CpuJobDied) -> None:
        """See `WorkerEvents`."""
        logger.error("%s crashed after %.3f s: %s; it costs it no try", _named(run), run.seconds, error.how)

    def job_cancelled(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        logger.info("%s was cancelled after %.3f s", _named(run), run.seconds)

    def job_handed_back(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        # This event may come from outside the task of the run, without the log fields of its job.
        logger.info("%s is handed back; it costs it no try", _named(run), extra=_fields(run.lease, run.name))

    def job_lost(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        logger.warning("%s was cancelled: its lease was lost, and somebody else may run it", _named(run))

    def job_rejected(
        self, lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None
    ) -> None:
        """See `WorkerEvents`."""
        without = "" if lease.crashes or lease.tries else " without having run"
        logger.error("%s:%s is dead%s: %s", lease.job_id, name, without, error_text(error), extra=_fields(lease, name))

    def job_unknown(self, lease: Lease, name: str) -> None:
        """See `WorkerEvents`."""
        logger.warning(
            "no job is named %r on this worker: it waits in the queue %s for one that knows it, and is dead where none"
            " comes within --keep-unknown",
            name,
            printable(lease.queue.label),
            extra=_fields(lease, name),
        )

    def cancelled_before_start(self, lease: Lease, name: str, enqueue_ms: int, payload: Payload | None = None) -> None:
        """See `WorkerEvents`."""
        logger.info("%s:%s was cancelled before it started", lease.job_id, name, extra=_fields(lease, name))

    def ack_refused(self, refused: list[Ack]) -> None:
        """See `WorkerEvents`."""
        logger.warning("the ends of %d jobs were not written, their leases had been lost: %s", *_some(refused))

    def result_not_serialized(self, run: ActiveRun, error: Exception) -> None:
        """See `WorkerEvents`."""
        logger.error("%s failed: %s", _named(run), error)

    def hook_failed(self, name: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error("the hook %s raised %s", name, error_text(error), exc_info=error)

    def redis_awaited(self, why: str, waited_s: float) -> None:
        """See `WorkerEvents`."""
        logger.warning("waiting for Redis, for %.0f s now: %s", waited_s, why)

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.warning("Redis: %s does not work (%s); trying again until it does", doing, why_refused(error))

    def redis_back(self, doing: str) -> None:
        """See `WorkerEvents`."""
        logger.info("Redis: %s works again", doing)

    def redis_warning(self, text: str) -> None:
        """See `WorkerEvents`."""
        logger.warning("Redis can lose jobs: %s", text)

    def lease_renewal_failed(self, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.warning("Redis: the leases could not be renewed (%s); trying again until they can", why_refused(error))

    def listener_failed(self, name: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error("the listener %s raised %s; the job is none the worse", name, error_text(error), exc_info=error)


class DebugWorkerLog(WorkerLog):
    """The same with two more lines for each job and one for each tick of a cron, for the level DEBUG."""

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
    """Returns the listener for the logger's present level: at INFO, no event of each job needs a handler."""
    return DebugWorkerLog() if logger.isEnabledFor(logging.DEBUG) else WorkerLog()


def why_refused(error: BaseException) -> str:
    """The text of a Redis error, and what to do about it if that is known."""
    to_do = advice(error)
    # That nothing was sent is nothing to people: why, is.
    text = (isinstance(error, NotSentError) and message_of(error)) or error_text(error)
    return f"{text}: {to_do}" if to_do else text


def warn_unserved_queues(served: Sequence[QueueRef], unserved: Mapping[QueueRef, Sequence[str]]) -> None:
    """Warns of the jobs of a worker that belong to queues which it does not serve, given by queue."""
    jobs = "; ".join(f"{queue} ({', '.join(names)})" for queue, names in unserved.items())
    options = " ".join(map(option_of, (*served, *unserved)))
    logger.warning("jobs here belong to queues that this worker does not serve: %s; to serve all: %s", jobs, options)


def warn_unserved_own_queues(served: Sequence[QueueRef], own: Sequence[QueueRef]) -> None:
    """Warns of queues that the target's own settings name, and that its worker was told not to serve."""
    kind = "queue" if len(own) == 1 else "queues"
    options = " ".join(map(option_of, (*served, *own)))
    logger.warning(
        "the settings' own %s %s: not served by this worker; to serve all: %s", kind, ", ".join(map(str, own)), options
    )


def warn_namesake(found: Namesake) -> None:
    """Warns of jobs in a queue of the other format whose name is that of a queue which the worker serves."""
    logger.warning("%s, which this worker does not serve; to serve it: %s", found, option_of(found.queue))


def warn_paused(paused: Sequence[QueueRef], *, ends: bool) -> None:
    """Warns of queues that are paused: at the start of a worker, or where a burst ends without their jobs."""
    one = len(paused) == 1
    names = ", ".join(map(str, paused))
    commands = "; ".join(f"monarq queues resume {_argument_of(queue)}" for queue in paused)
    what = "burst ends without their jobs" if ends else "worker gets none of their jobs"
    logger.warning(
        "the %s %s %s paused, and this %s; to go on with them: %s",
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
    """The log fields of a job, for lines written outside of its task: see `monarq.workers.reporting.log_fields`."""
    fields = {"job_id": lease.job_id, "job_name": name, "queue": lease.queue.name}
    return {field: printable(value) for field, value in fields.items()}


def _some(refused: list[Ack]) -> tuple[int, str]:
    return len(refused), ", ".join(ack.lease.job_id for ack in refused[:5]) + (" …" if len(refused) > 5 else "")
