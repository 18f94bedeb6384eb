"""What the supervisor says: all of its text, and nothing else. A subclass may say it elsewhere, or say more."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from monarq.shared.text.error_text import error_text
from monarq.shared.text.log_lines import Block, open_logger
from monarq.workers.lanes.child_end import ChildEnd

if TYPE_CHECKING:
    from monarq.workers.control.messages import Ready
    from monarq.workers.supervisor.worker_handle import WorkerProcess

logger = open_logger("monarq.supervisor")

_SLOW_START: Final = (
    "its program takes long to import, or works or waits there, which belongs under if __name__ == '__main__'"
)


class SupervisorLog:
    """Writes what happens to the workers of a pool to the logger ``monarq.supervisor``."""

    def started(self, workers: int, spared: int = 0) -> None:
        """It is known how many workers there are to be; `spared` more could run, which arq's users do not expect."""
        logger.info("starting %d worker%s", workers, "" if workers == 1 else "s")

    def worker_ready(self, worker: WorkerProcess, ready: Ready) -> None:
        """A worker takes jobs from now on."""
        logger.info("%s is ready: %s serves %s", _name(worker), ready.worker_id, ", ".join(ready.queues))

    def cannot_start(self, worker: WorkerProcess) -> None:
        """The first workers cannot start: the settings are wrong, or Redis is not there. All is given up."""
        logger.error("%s", Block(_refusal(worker)))

    def worker_refused(self, worker: WorkerProcess, *, again: bool) -> None:
        """A later worker cannot start, which is tried again where no other has its place still."""
        and_then = ", and is tried again" if again else ""
        logger.error("%s could not start%s: %s", _name(worker), and_then, Block(_refusal(worker)))

    def not_spawned(self, index: int, error: OSError) -> None:
        """The system refuses another process."""
        logger.error("worker %d could not be started: %s", index, error)

    def worker_left(self, worker: WorkerProcess) -> None:
        """A worker ended in order."""
        logger.info("%s has ended: %s", _name(worker), worker.farewell)

    def worker_died(self, worker: WorkerProcess) -> None:
        """A worker ended otherwise."""
        logger.error("%s is lost: %s", _name(worker), death_of(worker))

    def worker_silent(self, worker: WorkerProcess, silent_s: float, limit_s: float) -> None:
        """A worker's event loop has not turned for a while, or it is still not there."""
        logger.warning(
            "%s has given no sign of life for %g s: %s; it is killed after %g s",
            _name(worker),
            silent_s,
            "something blocks its event loop" if worker.ready else _SLOW_START,
            limit_s,
        )

    def worker_hung(self, worker: WorkerProcess, silent_s: float) -> None:
        """It was silent for too long, and is killed."""
        logger.error(
            "%s gave no sign of life for %g s and is killed; its stacks are on stderr", _name(worker), silent_s
        )

    def worker_stubborn(self, worker: WorkerProcess) -> None:
        """It did not stop in its time, and is killed."""
        logger.error("%s did not stop in its time and is killed", _name(worker))

    def channel_broken(self, worker: WorkerProcess, error: Exception) -> None:
        """Something in the worker wrote into the control channel, or closed it."""
        logger.error("%s: its control channel broke (%s)", _name(worker), error)

    def jobs_freed(self, ready: Ready, count: int) -> None:
        """The jobs of a dead worker are back in their queues."""
        logger.warning("%d jobs of %s are back in their queues", count, ready.worker_id)

    def jobs_left_to_leases(self, ready: Ready) -> None:
        """The jobs of a dead worker could not be given back."""
        logger.warning(
            "the jobs of %s could not be given back; they run again when their leases end, after %g s at the most",
            ready.worker_id,
            ready.lease_s,
        )

    def repair_failed(self, ready: Ready, error: BaseException) -> None:
        """Redis does not take the jobs of a dead worker back; it is tried again. Told once for each worker."""
        logger.warning("the jobs of %s cannot be given back (%s); trying again", ready.worker_id, error_text(error))

    def orphans_reaped(self, count: int) -> None:
        """Processes had ended that were given to us, and are cleared away."""
        logger.debug("reaped %d orphan%s", count, "" if count == 1 else "s")

    def draining(self, workers: int) -> None:
        """A stop was asked for."""
        logger.info("stopping: %s jobs", "1 worker may end its" if workers == 1 else f"{workers} workers may end their")

    def handing_back(self) -> None:
        """A stop was asked for again."""
        logger.info("stopping now: running jobs are handed back")

    def renewing(self, *, one_at_a_time: bool = False) -> None:
        """A rolling restart begins."""
        logger.info("rolling restart: each worker is replaced once %s", _when_replaced(one_at_a_time))

    def renewed(self) -> None:
        """All workers are new."""
        logger.info("rolling restart: done")

    def renewal_given_up(self, index: int) -> None:
        """A successor did not become ready: the workers that are not replaced yet stay."""
        logger.error("rolling restart: given up, as the new worker %d did not become ready; the old ones go on", index)

    def recycling(self, worker: WorkerProcess, why: str, *, one_at_a_time: bool = False) -> None:
        """A worker has done its share."""
        logger.info("%s is replaced once %s: %s", _name(worker), _when_replaced(one_at_a_time), why)

    def recycling_given_up(self, worker: WorkerProcess) -> None:
        """Its successor did not become ready: it stays, and that is tried again."""
        logger.error("%s goes on for now, as its successor did not become ready", _name(worker))

    def memory_limit_too_small(self, worker: WorkerProcess, limit_bytes: int) -> None:
        """Workers take more memory before their first job than they may. Told once."""
        logger.warning(
            "no worker is replaced for its memory: %s took %d MiB before its first job, and the limit is %d MiB;"
            " set --max-memory-per-worker well above that, to %d MiB, say",
            _name(worker),
            worker.ready_bytes >> 20,
            limit_bytes >> 20,
            worker.ready_bytes * 2 >> 20,
        )

    def stopped(self, exit_code: int) -> None:
        """All workers have ended."""
        logger.info("all workers have ended (exit code %d)", exit_code)


def death_of(worker: WorkerProcess) -> str:
    """What happened to a worker that is dead: the note that its jobs get."""
    if worker.killed_for is not None:
        happened = worker.killed_for
    elif worker.end is None or worker.end.signal_name is None:
        code = None if worker.end is None else worker.end.exit_code
        happened = "its worker process ended" + ("" if code is None else f" with exit code {code}")
    else:
        happened = f"its worker process was killed by {worker.end.signal_name}"
    return f"{happened} (pid {worker.pid} on {socket.gethostname()}{_memory(worker.end)})"


def not_started(error: BaseException) -> str:
    """What a worker says that failed before it took jobs, in the user's hook for instance."""
    return f"the worker could not start: {error_text(error)}"


def hung_for(silent_s: float) -> str:
    """The note for the jobs of a worker that was killed as hung."""
    return f"its event loop hung for {silent_s:g} s"


def stubborn_for(waited_s: float) -> str:
    """The note for the jobs of a worker that was killed as it did not stop."""
    return f"its worker process did not stop within {waited_s:g} s and was killed"


def left_behind(threads: Sequence[str]) -> str:
    """What a worker says that exits over the heads of its threads or tasks."""
    what = ", ".join(threads) or "a task that swallows its cancellation, or an exit handler"
    return f"monarq: the worker process exits, though something is still at work in it: {what}\n"


def lines_dropped(count: int) -> None:
    """What any of the pool's processes says when its output goes out again."""
    open_logger("monarq").warning(
        "%d line%s of output %s dropped: nobody read them, or they could not be written",
        count,
        "" if count == 1 else "s",
        "was" if count == 1 else "were",
    )


def _name(worker: WorkerProcess) -> str:
    return f"worker {worker.index} (pid {worker.pid})"


def _when_replaced(one_at_a_time: bool) -> str:
    return "it has ended" if one_at_a_time else "its successor is ready"


def _refusal(worker: WorkerProcess) -> str:
    return worker.refusal or f"{_name(worker)} could not start; its stderr says why"


def _memory(end: ChildEnd | None) -> str:
    if end is None or end.peak_memory_bytes is None:
        return ""
    return f", {'at most ' if end.peak_is_bound else ''}{end.peak_memory_bytes / 2**20:,.0f} MB"
