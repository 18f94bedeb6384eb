"""The log of a worker with arq's settings: a listener that writes arq's log lines and counts jobs like arq.

Events for which arq has no line have lines in arq's style.
"""

from __future__ import annotations

import itertools
import logging
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from arq.jobs import SerializationError
from arq.utils import truncate
from arq.worker import Retry as ArqRetry
from arq.worker import RetryJob

from monarq.shared.clock import wall_ms
from monarq.shared.jobs.retry_exception import Retry
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Ack
from monarq.shared.protocol.lease import Lease
from monarq.shared.text.error_text import error_text
from monarq.shared.text.loggers import get_logger
from monarq.workers.events.events import WorkerEvents
from monarq.workers.reporting.worker_log import why_refused
from monarq.workers.runs.cpu_errors import CpuJobDied
from monarq.workers.runs.run import ActiveRun

logger = get_logger("arq.worker")
job_logger = get_logger("arq.jobs")

CURTAIL: Final = 80
_DELAY_SHOWN_MS: Final = 1200
_TRIES_EXCEEDED: Final = re.compile(r"max (\d+) retries exceeded")


class ArqLog(WorkerEvents):
    """Writes arq's log lines and counts jobs as arq does.

    Attributes:
        complete: runs that returned.
        failed: jobs that ended otherwise.
        retried: runs that lead to another one; as in arq, including those that a shutdown cancelled.
    """

    def __init__(self, *, log_results: bool = True) -> None:
        self.complete = 0
        self.failed = 0
        self.retried = 0
        self._log_results = log_results
        self._running: set[ActiveRun] = set()

    @property
    def ongoing(self) -> int:
        """How many jobs are running."""
        return len(self._running)

    def counts_line(self, queued: int) -> str:
        """The counts, as in the health-check key."""
        return (
            f"j_complete={self.complete} j_failed={self.failed} j_retried={self.retried}"
            f" j_ongoing={self.ongoing} queued={queued}"
        )

    def starting(self, jobs: Iterable[str]) -> None:
        """The worker is connected and starts."""
        names = list(jobs)
        logger.info("Starting worker for %d functions: %s", len(names), ", ".join(names))

    def redis_info(self, line: str) -> None:
        """A line about the Redis server."""
        logger.info(line)

    def health_recorded(self, info: str) -> None:
        """The health-check key was written with changed counts."""
        logger.info("recording health: %s", info)

    def not_picking(self) -> None:
        """No more jobs are claimed."""
        logger.info("Setting allow_pick_jobs to `False`")

    def shutting_down(self, signal_name: str, jobs: int, what: str) -> None:
        """A signal stops the worker; `what` says what happens to the running jobs."""
        self._shutdown(f"{signal_name} ◆", jobs, what)

    def waited(self, signal_name: str, jobs: int) -> None:
        """The grace period of the running jobs is over, or they have ended."""
        self._shutdown(f"{signal_name}, wait complete ◆", jobs, "ongoing to cancel")

    def _shutdown(self, why: str, jobs: int, what: str) -> None:
        counts = (self.complete, self.failed, self.retried)
        logger.info("shutdown on %s %d jobs complete ◆ %d failed ◆ %d retries ◆ %d %s", why, *counts, jobs, what)

    def job_started(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._running.add(run)
        if not logger.isEnabledFor(logging.INFO):
            return
        payload, late_ms = run.payload, run.start_ms - run.lease.due_ms
        extra = f" try={run.job_try}" if run.job_try > 1 else ""
        if late_ms > _DELAY_SHOWN_MS:
            extra += f" delayed={late_ms / 1000:0.2f}s"
        waited_s = (run.start_ms - payload.enqueue_ms) / 1000
        logger.info("%6.2fs → %s(%s)%s", waited_s, _ref(run), shown_arguments(payload.args, payload.kwargs), extra)

    def job_succeeded(self, run: ActiveRun, value: object) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        self.complete += 1
        if logger.isEnabledFor(logging.INFO):
            shown = "" if value is None or not self._log_results else truncate(_shown(value), CURTAIL)
            logger.info("%6.2fs ← %s ● %s", _seconds(run), _ref(run), shown)

    def job_failed(self, run: ActiveRun, error: BaseException) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        self.failed += 1
        args = (_seconds(run), _ref(run), type(error).__name__, error)
        logger.error("%6.2fs ! %s failed, %s: %s", *args, exc_info=error, extra={"extra": _extra(error)})

    def job_retried(self, run: ActiveRun, error: BaseException, delay_s: float) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        self.retried += 1
        if isinstance(error, (Retry, ArqRetry)):
            logger.info("%6.2fs ↻ %s retrying job in %0.2fs", _seconds(run), _ref(run), delay_s)
        elif isinstance(error, Exception) and not isinstance(error, RetryJob):
            args = (_seconds(run), _ref(run), delay_s, error_text(error))
            logger.info("%6.2fs ↻ %s retrying job in %0.2fs, %s", *args)
        else:
            self._cancelled(run)

    def job_cancelled(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        self.failed += 1
        logger.info("%6.2fs ⊘ %s aborted", _seconds(run), _ref(run))

    def job_crashed(self, run: ActiveRun, error: CpuJobDied) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        self.retried += 1
        logger.error("%6.2fs ! %s crashed, will be run again: %s", _seconds(run), _ref(run), error.how)

    def job_handed_back(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        self.retried += 1
        self._cancelled(run)

    def job_lost(self, run: ActiveRun) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        logger.warning("%6.2fs ! %s cancelled, its lease was lost and another worker may run it", 0.0, _ref(run))

    def job_rejected(
        self, lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None
    ) -> None:
        """See `WorkerEvents`."""
        self.failed += 1
        text = str(error)
        waited_s = (wall_ms() - enqueue_ms) / 1000
        exceeded = _TRIES_EXCEEDED.fullmatch(text)
        if text == "job expired":
            logger.warning("job %s expired", lease.job_id)
        elif isinstance(error, SerializationError):
            logger.error("deserializing job %s failed", lease.job_id, exc_info=error)
        elif exceeded:
            logger.warning("%6.2fs ! %s:%s max retries %s exceeded", waited_s, lease.job_id, name, exceeded[1])
        elif text == f"function {name!r} not found":
            logger.warning("job %s, function %r not found", lease.job_id, name)
        else:
            without = "" if lease.crashes or lease.tries else " without a run"
            logger.warning("job %s:%s failed%s, %s", lease.job_id, name, without, error_text(error))

    def cancelled_before_start(self, lease: Lease, name: str, enqueue_ms: int, payload: Payload | None = None) -> None:
        """See `WorkerEvents`."""
        self.failed += 1
        logger.info("%6.2fs ⊘ %s:%s aborted before start", (wall_ms() - enqueue_ms) / 1000, lease.job_id, name)

    def ack_refused(self, refused: list[Ack]) -> None:
        """See `WorkerEvents`."""
        shown = ", ".join(ack.lease.job_id for ack in refused[:5]) + (" …" if len(refused) > 5 else "")
        logger.warning("results of %d jobs not written, their leases had been lost: %s", len(refused), shown)

    def result_not_serialized(self, run: ActiveRun, error: Exception) -> None:
        """See `WorkerEvents`."""
        self._running.discard(run)
        self.failed += 1
        job_logger.warning("error serializing result of %s", _ref(run), exc_info=error)

    def hook_failed(self, name: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error("%s failed, %s", name, error_text(error), exc_info=error)

    def redis_awaited(self, why: str, waited_s: float) -> None:
        """See `WorkerEvents`."""
        logger.warning("redis connection error, waiting for %.0f s now: %s, retrying...", waited_s, why)

    def redis_lost(self, doing: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.warning("redis connection error while %s: %s, retrying...", doing, why_refused(error))

    def redis_warning(self, text: str) -> None:
        """See `WorkerEvents`."""
        logger.warning("redis can lose jobs: %s", text)

    def redis_back(self, doing: str) -> None:
        """See `WorkerEvents`."""
        logger.info("redis connection successful, %s", doing)

    def lease_renewal_failed(self, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.warning("redis connection error while renewing leases: %s, retrying...", error_text(error))

    def listener_failed(self, name: str, error: BaseException) -> None:
        """See `WorkerEvents`."""
        logger.error("listener %s failed, %s", name, error_text(error), exc_info=error)

    def _cancelled(self, run: ActiveRun) -> None:
        logger.info("%6.2fs ↻ %s cancelled, will be run again", _seconds(run), _ref(run))


def warn_misspelled(where: str, name: str, nearest: str) -> None:
    """Warns of an attribute that looks like a misspelled setting, which arq would ignore silently."""
    logger.warning("%s: %r is not a setting and is ignored; did you mean %r?", where, name, nearest)


def warn_never_called(where: str, names: Iterable[str]) -> None:
    """Warns of a subclass of the worker that overrides methods which only arq's own worker calls."""
    logger.warning("%s overrides %s, which nothing calls here; see on_job_start and listeners", where, ", ".join(names))


def warn_namesakes(name: str) -> None:
    """Warns of two functions with one name, of which arq silently runs the last one."""
    logger.warning("functions: two are named %r, only the last one is run; give one of them another name", name)


class _ShortRepr(reprlib.Repr):
    """`repr`, computed only as far as a log line shows it, so that a million arguments cost no more than a line."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = CURTAIL
        self.maxtuple = self.maxlist = self.maxset = self.maxfrozenset = self.maxdeque = self.maxdict = CURTAIL
        self.maxarray = self.maxstring = self.maxlong = self.maxother = 10 * CURTAIL

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """A dict in its own order; reprlib would sort it."""
        shown = [f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}" for key in _first(x)]
        return "{" + ", ".join(shown) + "}"

    def repr_set(self, x: set[Any], level: int) -> str:
        """A set in its own order."""
        return "{" + ", ".join(self.repr1(member, level - 1) for member in _first(x)) + "}" if x else "set()"

    def repr_bytes(self, x: bytes, level: int) -> str:
        """Bytes as far as a line shows them."""
        return repr(x[:CURTAIL])


_shorten: Final = _ShortRepr()


def _first(values: Iterable[Any]) -> Iterable[Any]:
    return itertools.islice(values, CURTAIL)


def _shown(value: object) -> str:
    try:
        return _shorten.repr(value)
    except Exception as broken:  # noqa: BLE001 - a user's __repr__ may raise anything
        return f"<repr of {type(value).__name__} raised {type(broken).__name__}>"


def shown_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Arguments as in arq's log lines; a `__repr__` that raises does no harm."""
    if not args and not kwargs:
        return ""
    shown = [_shown(value) for value in args[:CURTAIL]]
    shown += [f"{name}={_shown(kwargs[name])}" for name in sorted(kwargs)[:CURTAIL]]
    return truncate(", ".join(shown), CURTAIL)


def _ref(run: ActiveRun) -> str:
    """A job as named in arq's log lines: a cron job only by its name."""
    return run.job.name if run.job.is_cron else f"{run.lease.job_id}:{run.job.name}"


def _seconds(run: ActiveRun) -> float:
    """How long it ran; a run whose job is handed back while it continues has not ended yet."""
    return ((run.finish_ms or wall_ms()) - run.start_ms) / 1000 if run.start_ms else 0.0


def _extra(error: BaseException) -> object:
    """An exception's own `extra`, which arq adds to the log record."""
    extra = getattr(error, "extra", None)
    try:
        return extra() if callable(extra) else extra
    except Exception as broken:  # noqa: BLE001 - the user's code may raise anything
        return error_text(broken)
