"""The supervisor's log: all its texts, and nothing else. A subclass may write them elsewhere, or write more."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, Protocol

from monarq.shared.text.loggers import MultilineText, get_logger
from monarq.workers.reporting.process_log import RecoveryLog
from monarq.workers.system.reaper import ExitStatus

if TYPE_CHECKING:
    from monarq.workers.control.heartbeat import Heartbeat
    from monarq.workers.control.messages import ExitReason, Ready

logger = get_logger("monarq.supervisor")

_MOVE_IT: Final = "move it under if __name__ == '__main__', or into a function that is called later"
"""What to do about a program that takes long to import."""

_CLOSING: Final = "its jobs had ended, but the lifespan or the shutdown hook of its program did not"
"""What a worker without jobs waits for."""


class LoggedWorker(Protocol):
    """The attributes of a worker that the log reads; see `monarq.workers.supervisor.worker_handle`."""

    index: int
    pid: int
    ready: Ready | None
    ready_bytes: int
    importing: str
    start_error: str | None
    clean_exit: ExitReason | None
    failed: bool
    kill_reason: str | None
    heartbeat: Heartbeat
    end: ExitStatus | None


class SupervisorLog(RecoveryLog):
    """Logs what happens to the workers of a pool to the logger ``monarq.supervisor``."""

    def started(self, workers: int, spared: int = 0) -> None:
        """The number of workers is known; `spared` more could run, but the target needs only one."""
        logger.info("starting %d worker%s", workers, "" if workers == 1 else "s")

    def worker_ready(self, worker: LoggedWorker, ready: Ready) -> None:
        """A worker is about to take jobs."""
        logger.info("%s is ready: %s serves %s", _name(worker), ready.worker_id, ", ".join(map(str, ready.queues)))

    def cannot_start(self, worker: LoggedWorker) -> None:
        """The first workers cannot start: the settings are wrong, or Redis is unreachable. The pool ends."""
        logger.error("%s", MultilineText(_start_error(worker)))

    def worker_start_failed(self, worker: LoggedWorker, *, again: bool) -> None:
        """A later worker cannot start; this is retried unless another worker still has its slot."""
        and_then = "; retrying" if again else ""
        logger.error("%s could not start%s: %s", _name(worker), and_then, MultilineText(_start_error(worker)))

    def spawn_failed(self, index: int, error: OSError) -> None:
        """The system refuses another process."""
        logger.error("worker %d could not be started: %s", index, error)

    def worker_ended(self, worker: LoggedWorker) -> None:
        """A worker has handed everything back and ended."""
        if worker.failed:
            logger.error(
                "%s has ended: %s, but a lifespan or a hook raised at shutdown; its traceback is on stderr",
                _name(worker),
                worker.clean_exit,
            )
            return
        logger.info("%s has ended: %s", _name(worker), worker.clean_exit)

    def worker_died(self, worker: LoggedWorker) -> None:
        """A worker ended in any other way."""
        logger.error("%s is lost: %s", _name(worker), death_note(worker))

    def worker_silent(self, worker: LoggedWorker, silent_s: float, limit_s: float) -> None:
        """A worker has sent no heartbeat for a while, or has still not started."""
        if worker.importing:
            why = f"its program takes long to import (at {worker.importing}); if it works or waits there, {_MOVE_IT}"
        else:
            why = "something blocks its event loop"
        logger.warning(
            "%s has sent no heartbeat for %g s: %s; it is killed after %g s", _name(worker), silent_s, why, limit_s
        )

    def worker_hung(self, worker: LoggedWorker, silent_s: float) -> None:
        """It has sent nothing for too long and is killed."""
        if worker.importing:
            logger.error(
                "%s has not imported its program within %g s and is killed; it is at %s. If something takes long there,"
                " %s; its stacks are on stderr",
                _name(worker),
                silent_s,
                worker.importing,
                _MOVE_IT,
            )
            return
        logger.error("%s sent no heartbeat for %g s and is killed; its stacks are on stderr", _name(worker), silent_s)

    def worker_stop_timed_out(self, worker: LoggedWorker) -> None:
        """It did not stop in time and is killed."""
        why = f": {_CLOSING}" if worker.heartbeat.closing else ""
        logger.error("%s did not stop in time and is killed%s", _name(worker), why)

    def channel_broken(self, worker: LoggedWorker, error: Exception) -> None:
        """Something in the worker wrote into the control channel, or closed it."""
        logger.error("%s: its control channel broke (%s)", _name(worker), error)

    def orphans_reaped(self, count: int) -> None:
        """Orphaned processes that this process has inherited have ended and are reaped."""
        logger.debug("reaped %d orphan%s", count, "" if count == 1 else "s")

    def draining(self, workers: int) -> None:
        """A stop was requested."""
        logger.info("stopping: %s jobs", "1 worker finishes its" if workers == 1 else f"{workers} workers finish their")

    def handing_back(self) -> None:
        """A stop was requested again."""
        logger.info("stopping now: running jobs go back to their queues")

    def rolling_restart_begun(self, *, one_at_a_time: bool = False) -> None:
        """A rolling restart begins."""
        logger.info("rolling restart: each worker is replaced once %s", _when_replaced(one_at_a_time))

    def rolling_restart_done(self) -> None:
        """All workers are new."""
        logger.info("rolling restart: done")

    def rolling_restart_abandoned(self, index: int) -> None:
        """A successor did not become ready: the workers that are not yet replaced stay."""
        logger.error(
            "rolling restart: stopped because the new worker %d did not become ready; the old ones continue", index
        )

    def recycling(self, worker: LoggedWorker, why: str, *, one_at_a_time: bool = False) -> None:
        """A worker has reached a limit and is replaced."""
        logger.info("%s is replaced once %s: %s", _name(worker), _when_replaced(one_at_a_time), why)

    def recycling_failed(self, worker: LoggedWorker) -> None:
        """Its successor did not become ready: it stays, and this is retried."""
        logger.error("%s continues for now because its successor did not become ready", _name(worker))

    def memory_limit_too_small(self, worker: LoggedWorker, limit_bytes: int) -> None:
        """Workers use more memory before their first job than the limit. Logged once."""
        logger.warning(
            "no worker is replaced for its memory: %s used %d MiB before its first job, and the limit is %d MiB;"
            " set --max-memory-per-worker well above that, for example to %d MiB",
            _name(worker),
            worker.ready_bytes >> 20,
            limit_bytes >> 20,
            worker.ready_bytes * 2 >> 20,
        )

    def stopped(self, exit_code: int) -> None:
        """All workers have ended."""
        logger.info("all workers have ended (exit code %d)", exit_code)


def death_note(worker: LoggedWorker) -> str:
    """What happened to a dead worker, as a note for its jobs."""
    if worker.kill_reason is not None:
        happened = worker.kill_reason
    elif worker.end is None or worker.end.signal_name is None:
        code = None if worker.end is None else worker.end.exit_code
        happened = "its worker process ended" + ("" if code is None else f" with exit code {code}")
    else:
        happened = f"its worker process was killed by {worker.end.signal_name}"
    return f"{happened} (pid {worker.pid} on {socket.gethostname()}{_memory(worker.end)})"


def hang_note(worker: LoggedWorker, silent_s: float) -> str:
    """The note for the jobs of a worker that was killed as hung."""
    if worker.importing:
        return f"importing its program took longer than {silent_s:g} s, at {worker.importing}"
    return f"its event loop hung for {silent_s:g} s"


def stop_timeout_note(waited_s: float, *, closing: bool = False) -> str:
    """The note for the jobs of a worker that was killed because it did not stop; `closing`: it had no jobs left."""
    why = f": {_CLOSING}" if closing else ""
    return f"its worker process did not stop within {waited_s:g} s and was killed{why}"


def _name(worker: LoggedWorker) -> str:
    return f"worker {worker.index} (pid {worker.pid})"


def _when_replaced(one_at_a_time: bool) -> str:
    return "it has ended" if one_at_a_time else "its successor is ready"


def _start_error(worker: LoggedWorker) -> str:
    return worker.start_error or f"{_name(worker)} could not start; see its stderr"


def _memory(end: ExitStatus | None) -> str:
    if end is None or end.peak_memory_bytes is None:
        return ""
    return f", {'at most ' if end.peak_is_bound else ''}{end.peak_memory_bytes / 2**20:,.0f} MB"
